//! What an inbound request says about its event: pure parts of the front door.

pub mod body_fields;
pub mod elements;
pub mod foreign_type;
pub mod media_type;
