//! Everything about one delivery, event, webhook or inbound request that somebody who helps needs, without secrets and
//! bounded in size.
//!
//! What is asked about leads to deliveries ([`Chosen`]); they lead to their event and webhooks. What a receiver answered is
//! cleaned of the secrets that were sent to it ([`redaction`]): some receivers echo what they get.

pub mod redaction;

use std::collections::BTreeSet;

use stentor_core::attempt::CapturedResponse;
use stentor_core::event::Event;
use stentor_core::id::{ConversationId, DeliveryId, EventId, MessageId, RequestId, TenantId, WebhookId};
use stentor_core::source::Source;
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;
use stentor_store::deliveries::{AttemptRow, DeliveryFilter, DeliveryRow};
use stentor_store::{Page, StoreError};

use self::redaction::Redaction;
use crate::engine::Engine;
use crate::requests::RequestRow;

/// Most deliveries of one bundle.
const DELIVERIES_MAX: u32 = 20;
/// Newest attempts of the only delivery, and of each of several.
const ATTEMPTS_MAX_ALONE: usize = 100;
const ATTEMPTS_MAX_EACH: usize = 10;
/// Characters of an answer.
const ANSWER_CHARS_MAX: usize = 512;

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// One delivery.
    Delivery(DeliveryId),
    /// An event and its newest deliveries.
    Event(EventId),
    /// A webhook and its newest deliveries.
    Webhook(WebhookId),
    /// The newest deliveries about a conversation's messages.
    Conversation(ConversationId),
    /// The newest deliveries about a message.
    Message(MessageId),
    /// A request to a source, accepted or refused, and the newest deliveries of its event.
    Request(RequestId),
}

/// Where a subject leads.
#[derive(Default)]
struct Chosen {
    event: Option<EventId>,
    webhook: Option<WebhookId>,
    deliveries: Vec<DeliveryRow>,
    more: bool,
    request: Option<RequestRow>,
}

/// What there is to know.
#[derive(Debug)]
pub struct Bundle {
    /// The request that it is about. Its headers' values and its body are not to be shown.
    pub request: Option<RequestRow>,
    /// The source that the request came to, unless it is deleted. With its secrets: whoever shows it masks them.
    pub source: Option<Source>,
    /// The event that it is about. Its data is not to be shown.
    pub event: Option<Event>,
    /// The webhooks of the deliveries that are not deleted.
    pub webhooks: Vec<SupportWebhook>,
    /// Newest first.
    pub deliveries: Vec<SupportDelivery>,
    /// Whether there are more deliveries.
    pub more_deliveries: bool,
}

/// A webhook and its record of failures.
#[derive(Debug)]
pub struct SupportWebhook {
    /// The webhook, with its secrets: whoever shows it masks them.
    pub webhook: Webhook,
    /// Since when it has had only failures.
    pub failing_since: Option<Time>,
}

/// A delivery and its newest attempts.
#[derive(Debug)]
pub struct SupportDelivery {
    /// The delivery.
    pub row: DeliveryRow,
    /// First to last; answers cleaned and cut.
    pub attempts: Vec<AttemptRow>,
    /// How many older attempts are left out.
    pub attempts_omitted: usize,
}

impl Engine {
    /// What there is to know about the subject; none when the tenant has none such.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn support(&self, tenant: TenantId, subject: Subject) -> Result<Option<Bundle>, StoreError> {
        let Some(chosen) = self.chosen(tenant, subject).await? else { return Ok(None) };
        let event = match chosen.event {
            Some(id) => self.store().event(tenant, id).await?,
            None => None,
        };
        let ids: BTreeSet<WebhookId> =
            chosen.webhook.into_iter().chain(chosen.deliveries.iter().map(|row| row.webhook)).collect();
        let mut webhooks = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(webhook) = self.store().webhook(tenant, id).await? {
                let failing_since = self.store().failing_since(tenant, id).await?;
                webhooks.push(SupportWebhook { webhook, failing_since });
            }
        }
        let redaction = Redaction::of(webhooks.iter().map(|each| &each.webhook));
        let attempts_max = if chosen.deliveries.len() == 1 { ATTEMPTS_MAX_ALONE } else { ATTEMPTS_MAX_EACH };
        let mut deliveries = Vec::with_capacity(chosen.deliveries.len());
        for row in chosen.deliveries {
            let mut attempts = self.store().attempts(tenant, row.id).await?;
            let attempts_omitted = attempts.len().saturating_sub(attempts_max);
            attempts.drain(..attempts_omitted);
            for attempt in &mut attempts {
                attempt.response = attempt.response.take().map(|response| cleaned(&response, &redaction));
            }
            deliveries.push(SupportDelivery { row, attempts, attempts_omitted });
        }
        let source = match chosen.request.as_ref().and_then(RequestRow::source) {
            Some(id) => self.store().source(tenant, id).await?,
            None => None,
        };
        let (request, more_deliveries) = (chosen.request, chosen.more);
        Ok(Some(Bundle { request, source, event, webhooks, deliveries, more_deliveries }))
    }

    async fn chosen(&self, tenant: TenantId, subject: Subject) -> Result<Option<Chosen>, StoreError> {
        let store = self.store();
        Ok(match subject {
            Subject::Delivery(id) => store.delivery(tenant, id).await?.map(|row| Chosen {
                event: Some(row.event),
                webhook: None,
                deliveries: vec![row],
                more: false,
                request: None,
            }),
            Subject::Event(id) => match store.event(tenant, id).await? {
                None => None,
                Some(_) => {
                    let filter = DeliveryFilter { event: Some(id), ..DeliveryFilter::default() };
                    Some(self.newest(tenant, &filter).await?)
                }
            },
            Subject::Webhook(id) => match store.webhook(tenant, id).await? {
                None => None,
                Some(_) => {
                    let filter = DeliveryFilter { webhook: Some(id), ..DeliveryFilter::default() };
                    Some(self.newest(tenant, &filter).await?)
                }
            },
            Subject::Conversation(id) => match store.conversation(tenant, id).await? {
                None => None,
                Some(_) => {
                    let filter = DeliveryFilter { conversation: Some(id), ..DeliveryFilter::default() };
                    Some(self.newest(tenant, &filter).await?)
                }
            },
            // A message is found by its conversation; without one, by what was sent of it.
            Subject::Message(id) => {
                let filter = DeliveryFilter { message: Some(id), ..DeliveryFilter::default() };
                Some(self.newest(tenant, &filter).await?).filter(|chosen| !chosen.deliveries.is_empty())
            }
            Subject::Request(id) => match self.request(Some(tenant), id).await? {
                None => None,
                Some(request) => {
                    let chosen = match request.event() {
                        Some(event) => {
                            let filter = DeliveryFilter { event: Some(event), ..DeliveryFilter::default() };
                            self.newest(tenant, &filter).await?
                        }
                        None => Chosen::default(),
                    };
                    Some(Chosen { request: Some(request), ..chosen })
                }
            },
        })
    }

    async fn newest(&self, tenant: TenantId, filter: &DeliveryFilter) -> Result<Chosen, StoreError> {
        let Page { rows, more } = self.store().deliveries(tenant, filter, None, DELIVERIES_MAX).await?;
        Ok(Chosen { event: filter.event, webhook: filter.webhook, deliveries: rows, more, request: None })
    }
}

fn cleaned(response: &CapturedResponse, redaction: &Redaction) -> CapturedResponse {
    let text = redaction.apply(&String::from_utf8_lossy(&response.body));
    let cut: String = text.chars().take(ANSWER_CHARS_MAX).collect();
    let truncated = response.truncated || cut.len() < text.len();
    CapturedResponse { body: cut.into(), truncated }
}
