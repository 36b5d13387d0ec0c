//! A receiver in the test's own process that answers by a script.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use stentor_core::attempt::AttemptOutcome;
use stentor_core::event::EventContent;
use stentor_core::id::{DeliveryId, EventId, WebhookId};
use stentor_core::time::Time;
use stentor_engine::clock::Clock;
use stentor_engine::destination::{Destination, Shipment};
use stentor_engine::outbound::OutboundReport;
use stentor_testkit::wait::until;
use tokio::sync::Semaphore;

/// What the receiver does with a request.
pub enum Answer {
    /// Answers this.
    Status(u16),
    /// Answers this and asks to wait.
    Later(u16, Duration),
    /// Never answers.
    Hang,
    /// Answers this once it gets a permit.
    Held(Arc<Semaphore>, u16),
    /// Lets others run so often, then answers this.
    Slow(u32, u16),
}

/// One request.
#[derive(Debug, Clone)]
pub struct Visit {
    pub webhook: WebhookId,
    pub delivery: DeliveryId,
    pub number: u32,
    pub content: Arc<EventContent>,
    /// When it came.
    pub at: Time,
    /// What it was answered.
    pub answered: Option<u16>,
}

impl Visit {
    /// The number that a test published.
    pub fn n(&self) -> u64 {
        std::str::from_utf8(&self.content.data).expect("a number").parse().expect("a number")
    }

    pub fn event(&self) -> EventId {
        self.content.id
    }

    /// The type of the event.
    pub fn kind(&self) -> &str {
        self.content.event_type.as_str()
    }
}

type Script = Box<dyn Fn(&Visit) -> Answer + Send + Sync>;

#[derive(Default)]
struct Seen {
    visits: Vec<Visit>,
    counts: HashMap<(DeliveryId, u32), usize>,
    in_flight: HashMap<WebhookId, usize>,
    most_in_flight: HashMap<WebhookId, usize>,
}

/// The receiver of all webhooks.
pub struct Receiver {
    clock: Arc<dyn Clock>,
    script: Mutex<Arc<Script>>,
    seen: Mutex<Seen>,
}

impl Receiver {
    /// A receiver with a script.
    pub fn new(
        clock: Arc<dyn Clock>,
        script: impl Fn(&Visit) -> Answer + Send + Sync + 'static,
    ) -> Arc<Self> {
        let script: Script = Box::new(script);
        Arc::new(Self { clock, script: Mutex::new(Arc::new(script)), seen: Mutex::default() })
    }

    /// A receiver that takes everything.
    pub fn willing(clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::new(clock, |_| Answer::Status(200))
    }

    /// Changes the script from the next request on.
    pub fn now_answers(&self, script: impl Fn(&Visit) -> Answer + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(Box::new(script));
    }

    /// All requests so far, in order of arrival.
    pub fn visits(&self) -> Vec<Visit> {
        self.seen().visits.clone()
    }

    /// How many requests there were.
    pub fn count(&self) -> usize {
        self.seen().visits.len()
    }

    /// How many requests meet a condition.
    pub fn count_if(&self, wanted: impl Fn(&Visit) -> bool) -> usize {
        self.seen().visits.iter().filter(|visit| wanted(visit)).count()
    }

    /// Requests that came once more with a number they had had before.
    pub fn repeats(&self) -> usize {
        self.seen().counts.values().map(|count| count - 1).sum()
    }

    /// The most requests of a webhook at one time.
    pub fn most_in_flight(&self, webhook: WebhookId) -> usize {
        self.seen().most_in_flight.get(&webhook).copied().unwrap_or(0)
    }

    /// Requests without an answer.
    pub fn unanswered(&self) -> usize {
        self.seen().in_flight.values().sum()
    }

    /// Waits for so many requests that meet a condition.
    pub async fn until(&self, what: &str, count: usize, wanted: impl Fn(&Visit) -> bool) {
        let wanted = &wanted;
        until(what, || async move { (self.count_if(wanted) >= count).then_some(()) }).await;
    }

    /// Every one of these numbers came exactly once.
    #[track_caller]
    pub fn assert_once_each(&self, numbers: std::ops::Range<u64>) {
        let visits = self.visits();
        let distinct: HashSet<u64> = visits.iter().map(Visit::n).collect();
        let missing: Vec<u64> = numbers.clone().filter(|n| !distinct.contains(n)).take(10).collect();
        assert!(missing.is_empty(), "never came: {missing:?} …");
        assert_eq!(visits.len(), numbers.count(), "each exactly once");
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn arrives(&self, shipment: Shipment) -> (usize, Visit) {
        let mut seen = self.seen();
        *seen.counts.entry((shipment.delivery, shipment.number)).or_insert(0) += 1;
        let visit = Visit {
            webhook: shipment.webhook.id,
            delivery: shipment.delivery,
            number: shipment.number,
            content: shipment.content,
            at: self.clock.now(),
            answered: None,
        };
        let now = seen.in_flight.entry(visit.webhook).or_insert(0);
        *now += 1;
        let now = *now;
        let most = seen.most_in_flight.entry(visit.webhook).or_insert(0);
        *most = now.max(*most);
        seen.visits.push(visit.clone());
        (seen.visits.len() - 1, visit)
    }
}

/// Notes that a request is over, also when its sender died.
struct InFlight<'a>(&'a Receiver, WebhookId);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Ok(mut seen) = self.0.seen.lock()
            && let Some(count) = seen.in_flight.get_mut(&self.1)
        {
            *count -= 1;
        }
    }
}

#[async_trait]
impl Destination for Receiver {
    async fn deliver(&self, shipment: Shipment) -> OutboundReport {
        let (index, visit) = self.arrives(shipment);
        let _in_flight = InFlight(self, visit.webhook);
        let script = Arc::clone(&self.script.lock().unwrap());
        let (status, retry_after) = match script(&visit) {
            Answer::Status(status) => (status, None),
            Answer::Later(status, wait) => (status, Some(wait)),
            Answer::Hang => std::future::pending().await,
            Answer::Held(gate, status) => {
                gate.acquire().await.expect("gates are not closed").forget();
                (status, None)
            }
            Answer::Slow(turns, status) => {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
                (status, None)
            }
        };
        self.seen().visits[index].answered = Some(status);
        let outcome = match status {
            200..=299 => AttemptOutcome::Delivered { status },
            _ => AttemptOutcome::Refused { status, retry_after },
        };
        OutboundReport { outcome, response: None }
    }
}
