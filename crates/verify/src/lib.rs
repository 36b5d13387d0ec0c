#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod decimal;
#[cfg(feature = "ed25519")]
mod ed25519;
mod error;
pub mod hook0;
pub mod plain;
#[cfg(feature = "providers")]
pub mod provider;
mod secret;
pub mod standard;
pub mod timestamped;
mod tolerance;

#[cfg(feature = "ed25519")]
pub use crate::ed25519::{PublicKey, SigningKey};
pub use crate::error::{KeyError, SignError, VerifyError};
pub use crate::secret::Secret;
pub use crate::tolerance::Tolerance;
