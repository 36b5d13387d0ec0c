//! Where deliveries go. Each kind of destination is a module behind one trait.

mod http;

use std::sync::Arc;

use async_trait::async_trait;
use stentor_core::event::EventContent;
use stentor_core::id::{BatchId, DeliveryId};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;

pub use self::http::{HttpDestination, Prepared, Unmade, Unprepared};
use crate::outbound::OutboundReport;

/// Everything a destination needs for one attempt.
#[derive(Debug, Clone)]
pub struct Shipment {
    /// To whom.
    pub webhook: Arc<Webhook>,
    /// What.
    pub content: Arc<EventContent>,
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// The number of the attempt, 1 for the first.
    pub number: u32,
    /// Its place in an ordered webhook's queue.
    pub position: Option<i64>,
    /// The time of the attempt.
    pub now: Time,
    /// Whether somebody only tries the webhook out; the receiver is told.
    pub test: bool,
    /// What goes with it, when the request has the form of a batch.
    pub batch: Option<BatchShipment>,
}

/// What an attempt of a batch brings beside its first event.
#[derive(Debug, Clone)]
pub struct BatchShipment {
    /// The batch.
    pub id: BatchId,
    /// The other events, each with its delivery.
    pub others: Vec<(Arc<EventContent>, DeliveryId)>,
}

/// A way of getting an event to a receiver.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Performs one attempt within the webhook's timeout. A receiver's fault is a value in the report.
    async fn deliver(&self, shipment: Shipment) -> OutboundReport;
}
