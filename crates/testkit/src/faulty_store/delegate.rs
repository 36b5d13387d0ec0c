//! Everything but commits, passed on unharmed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stentor_core::conversation::{Conversation, Message};
use stentor_core::credential::Credential;
use stentor_core::event::{Event, EventContent, EventType};
use stentor_core::event_type::DeclaredType;
use stentor_core::id::{
    BroadcastId, ConversationId, ConversationKey, CredentialId, DeliveryId, EventId, MessageId, ReplayId,
    RequestId, RouteId, SourceId, TenantId, TokenId, WebhookId,
};
use stentor_core::route::Route;
use stentor_core::source::Source;
use stentor_core::statistics::Rollup;
use stentor_core::tenant::Tenant;
use stentor_core::time::Time;
use stentor_core::token::Token;
use stentor_core::webhook::{SecretText, Webhook, WebhookStatus};
use stentor_store::answers::{KeptAnswer, KeyTaken};
use stentor_store::broadcasts::{Audience, Broadcast, BroadcastCreated, BroadcastKey};
use stentor_store::conversations::{Changed, ConversationCreated};
use stentor_store::credentials::{CredentialCreated, PairHash};
use stentor_store::deliveries::{AttemptRow, DeliveryFilter, DeliveryRow};
use stentor_store::error::StoreResult;
use stentor_store::event_types::{ListedType, TypesDeclared, TypesInForce};
use stentor_store::events::{Conservation, EventFilter, KeyedEvent, ListedEvent};
use stentor_store::journal::IdempotencyKey;
use stentor_store::lanes::{DuePage, LaneKey, LoadedDelivery, PageLimit, WaitingLane};
use stentor_store::maintenance::{KeptStarts, PreviousEnd};
use stentor_store::nodes::NodeRow;
use stentor_store::operational::{Death, Disabling};
use stentor_store::replays::Replay;
use stentor_store::requests::{RefusedBounds, RefusedFilter, RefusedRequest, Refuser};
use stentor_store::routes::{RouteSaved, RoutesThen};
use stentor_store::sessions::NewSession;
use stentor_store::sources::SourceCreated;
use stentor_store::tenants::TenantSaved;
use stentor_store::usage::{Backlogs, UsedDay};
use stentor_store::webhooks::{CreatedOnce, Routing, Saved};
use stentor_store::{
    Answers, Broadcasts, Conversations, Credentials, Deliveries, EventTypes, Events, Lanes, Maintenance,
    Nodes, Operational, Page, Replays, Requests, Routes, Sessions, Sources, Statistics, Tenants, Tokens,
    Usage, Webhooks,
};

use super::FaultyStore;

/// Implements the traits by calling the store behind.
macro_rules! delegate {
    ($($part:ident {
        $(at once fn $quick:ident($($given:ident: $given_kind:ty),*) -> $got:ty;)*
        $(fn $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*
    })*) => {$(
        #[async_trait]
        impl $part for FaultyStore {
            $(fn $quick(&self, $($given: $given_kind),*) -> $got {
                self.note_call(stringify!($quick));
                self.inner.$quick($($given),*)
            })*
            $(async fn $name(&self, $($argument: $kind),*) -> $answer {
                self.note_call(stringify!($name));
                self.inner.$name($($argument),*).await
            })*
        }
    )*};
}

delegate! {
    Nodes {
        fn renew_lease() -> StoreResult<Option<Duration>>;
        fn nodes() -> StoreResult<Vec<NodeRow>>;
        fn leave() -> StoreResult<()>;
    }
    Lanes {
        fn waiting_lanes(after: Option<LaneKey>, rows: u32) -> StoreResult<Vec<WaitingLane>>;
        fn fresh_page(lane: LaneKey, after: i64, limit: PageLimit) -> StoreResult<Vec<LoadedDelivery>>;
        fn due_page(lane: LaneKey, until: Time, limit: PageLimit) -> StoreResult<DuePage>;
        fn ordered_page(lane: LaneKey, after: i64, limit: PageLimit) -> StoreResult<Vec<LoadedDelivery>>;
        fn content(tenant: TenantId, event: EventId) -> StoreResult<Option<Arc<EventContent>>>;
        fn failing_since(tenant: TenantId, webhook: WebhookId) -> StoreResult<Option<Time>>;
        fn failing(tenant: TenantId) -> StoreResult<Vec<(WebhookId, Time)>>;
        fn waiting_count(lane: LaneKey, at_most: u32) -> StoreResult<u32>;
    }
    Events {
        fn event(tenant: TenantId, id: EventId) -> StoreResult<Option<Event>>;
        fn events(tenant: TenantId, filter: &EventFilter, before: Option<EventId>, rows: u32, data_bytes: u64) -> StoreResult<Page<ListedEvent>>;
        fn event_types(tenant: TenantId, since: Time, until: Time, after: Option<EventId>, rows: u32) -> StoreResult<Vec<(EventId, EventType)>>;
        fn keyed_event(tenant: TenantId, key: &IdempotencyKey, now: Time) -> StoreResult<Option<KeyedEvent>>;
        fn conservation(tenant: Option<TenantId>) -> StoreResult<Conservation>;
    }
    Deliveries {
        fn delivery(tenant: TenantId, id: DeliveryId) -> StoreResult<Option<DeliveryRow>>;
        fn deliveries(tenant: TenantId, filter: &DeliveryFilter, before: Option<DeliveryId>, rows: u32) -> StoreResult<Page<DeliveryRow>>;
        fn attempts(tenant: TenantId, delivery: DeliveryId) -> StoreResult<Vec<AttemptRow>>;
    }
    Webhooks {
        fn create_webhook(webhook: &Webhook) -> StoreResult<Saved>;
        fn create_webhook_once(webhook: &Webhook, key: &IdempotencyKey) -> StoreResult<CreatedOnce>;
        fn update_webhook(webhook: &Webhook) -> StoreResult<Saved>;
        fn delete_webhook(tenant: TenantId, id: WebhookId, now: Time) -> StoreResult<Saved>;
        fn webhook(tenant: TenantId, id: WebhookId) -> StoreResult<Option<Webhook>>;
        fn webhooks(tenant: TenantId, status: Option<WebhookStatus>, of_conversations: bool, before: Option<WebhookId>, rows: u32) -> StoreResult<Page<Webhook>>;
        fn routing(tenant: TenantId) -> StoreResult<Option<Routing>>;
        fn lane_webhook(tenant: TenantId, id: WebhookId) -> StoreResult<Option<Webhook>>;
        fn revision(tenant: TenantId, id: WebhookId, version: u64) -> StoreResult<Option<Webhook>>;
    }
    Tenants {
        fn create_tenant(tenant: &Tenant) -> StoreResult<TenantSaved>;
        fn update_tenant(tenant: &Tenant) -> StoreResult<TenantSaved>;
        fn delete_tenant(id: TenantId, now: Time) -> StoreResult<TenantSaved>;
        fn tenant(id: TenantId) -> StoreResult<Option<Tenant>>;
        fn tenant_named(name: &str) -> StoreResult<Option<Tenant>>;
        fn tenants(before: Option<TenantId>, rows: u32) -> StoreResult<Page<Tenant>>;
    }
    Tokens {
        fn create_token(token: &Token, secret: &str) -> StoreResult<bool>;
        fn set_operator_token(token: &Token, secret: &str) -> StoreResult<()>;
        fn token_by_secret(secret: &str) -> StoreResult<Option<Token>>;
        fn tokens(tenant: TenantId) -> StoreResult<Vec<Token>>;
        fn revoke_token(tenant: TenantId, id: TokenId, now: Time) -> StoreResult<bool>;
    }
    Sessions {
        fn create_link(token: TokenId, link: NewSession<'_>) -> StoreResult<()>;
        fn open_session(token: TokenId, session: NewSession<'_>) -> StoreResult<()>;
        fn redeem_link(link: &str, session: NewSession<'_>) -> StoreResult<bool>;
        fn session_token(secret: &str, now: Time) -> StoreResult<Option<Token>>;
        fn end_session(secret: &str) -> StoreResult<bool>;
    }
    Maintenance {
        fn begin_process(now: Time) -> StoreResult<PreviousEnd>;
        fn keep_starts(kept: &KeptStarts) -> StoreResult<()>;
        fn take_starts() -> StoreResult<Option<KeptStarts>>;
        fn end_process(now: Time) -> StoreResult<()>;
        fn upkeep() -> StoreResult<()>;
        fn close_hours(now: Time) -> StoreResult<()>;
        fn backup(file: &Path) -> StoreResult<()>;
        fn purge_leftovers(before: Time, rows_max: u32) -> StoreResult<u32>;
        fn ping() -> StoreResult<()>;
    }
    Usage {
        fn usage(tenant: Option<TenantId>, since: i64) -> StoreResult<Vec<UsedDay>>;
        fn follow_backlogs() -> StoreResult<Arc<Backlogs>>;
    }
    Broadcasts {
        fn create_broadcast(broadcast: &Broadcast, audience: &Audience, key: Option<BroadcastKey>) -> StoreResult<BroadcastCreated>;
        fn broadcast(id: BroadcastId) -> StoreResult<Option<Broadcast>>;
        fn broadcasts(before: Option<BroadcastId>, rows: u32) -> StoreResult<Page<Broadcast>>;
        fn unfinished_broadcasts() -> StoreResult<Vec<Broadcast>>;
        fn broadcast_tenants(broadcast: &Broadcast, after: Option<TenantId>, rows: u32) -> StoreResult<Vec<TenantId>>;
    }
    Replays {
        fn create_replay(replay: &Replay) -> StoreResult<()>;
        fn replay(tenant: TenantId, id: ReplayId) -> StoreResult<Option<Replay>>;
        fn unfinished_replays() -> StoreResult<Vec<Replay>>;
    }
    Operational {
        fn disablings(rows: u32) -> StoreResult<Vec<Disabling>>;
        fn deaths(rows: u32) -> StoreResult<Vec<Death>>;
        fn deaths_emitted(deaths: &[(DeliveryId, u32)]) -> StoreResult<()>;
        fn disabling_emitted(webhook: WebhookId, version: u64) -> StoreResult<()>;
    }
    Statistics {
        fn minutes(tenant: TenantId, webhook: Option<WebhookId>, since: Time, until: Time) -> StoreResult<Vec<(Time, Rollup)>>;
        fn hours(tenant: TenantId, webhook: Option<WebhookId>, since: Time, until: Time) -> StoreResult<Vec<(Time, Rollup)>>;
        fn close_minutes(now: Time) -> StoreResult<()>;
        fn purge_rollups(now: Time) -> StoreResult<()>;
    }
    Routes {
        fn create_route(route: &Route) -> StoreResult<RouteSaved>;
        fn update_route(route: &Route) -> StoreResult<RouteSaved>;
        fn delete_route(tenant: TenantId, id: RouteId, now: Time) -> StoreResult<RouteSaved>;
        fn order_routes(tenant: TenantId, order: &[RouteId], now: Time) -> StoreResult<RouteSaved>;
        fn route(tenant: TenantId, id: RouteId) -> StoreResult<Option<Route>>;
        fn routes(tenant: TenantId) -> StoreResult<Vec<Route>>;
        fn routes_at(tenant: TenantId, version: u64) -> StoreResult<RoutesThen>;
    }
    EventTypes {
        fn declare_types(tenant: TenantId, types: &[DeclaredType], replace: bool) -> StoreResult<TypesDeclared>;
        fn declared_type(tenant: TenantId, name: &EventType) -> StoreResult<Option<DeclaredType>>;
        fn declared_types(tenant: TenantId) -> StoreResult<Vec<ListedType>>;
        fn delete_type(tenant: TenantId, name: &EventType) -> StoreResult<bool>;
        fn types_in_force(tenant: TenantId, known: Option<u64>) -> StoreResult<Option<TypesInForce>>;
    }
    Conversations {
        fn create_conversation(conversation: &Conversation, webhook: &Webhook, key: Option<&IdempotencyKey>) -> StoreResult<ConversationCreated>;
        fn update_conversation(conversation: &Conversation, webhook: Option<&Webhook>) -> StoreResult<Changed<Conversation>>;
        fn delete_conversation(tenant: TenantId, id: ConversationId, now: Time) -> StoreResult<bool>;
        fn retire_conversation_webhooks(now: Time, rows: u32) -> StoreResult<Vec<(TenantId, WebhookId)>>;
        fn conversation(tenant: TenantId, id: ConversationId) -> StoreResult<Option<Conversation>>;
        fn conversations(tenant: TenantId, before: Option<ConversationKey>, rows: u32) -> StoreResult<Page<Conversation>>;
        fn message(tenant: TenantId, conversation: ConversationId, id: MessageId) -> StoreResult<Option<Message>>;
        fn message_created_with(tenant: TenantId, event: EventId) -> StoreResult<Option<Message>>;
        fn messages(tenant: TenantId, conversation: ConversationId, before: Option<EventId>, rows: u32) -> StoreResult<Page<(EventId, Message)>>;
        fn update_message(tenant: TenantId, conversation: ConversationId, message: &Message) -> StoreResult<Changed<Message>>;
        fn message_of_event(tenant: TenantId, event: EventId) -> StoreResult<Option<(ConversationId, MessageId)>>;
    }
    Sources {
        fn create_source(source: &Source, key: Option<&IdempotencyKey>) -> StoreResult<SourceCreated>;
        fn update_source(source: &Source) -> StoreResult<Saved>;
        fn delete_source(tenant: TenantId, id: SourceId) -> StoreResult<Saved>;
        fn source(tenant: TenantId, id: SourceId) -> StoreResult<Option<Source>>;
        fn sources(tenant: TenantId, before: Option<SourceId>, rows: u32) -> StoreResult<Page<Source>>;
        fn all_sources(after: Option<SourceId>, rows: u32) -> StoreResult<Vec<Source>>;
        fn expired_sources(now: Time, rows: u32) -> StoreResult<Vec<(TenantId, SourceId)>>;
    }
    Credentials {
        at once fn pair_hash(user_pass: &str) -> PairHash;
        fn create_credential(credential: &Credential, user_pass: &SecretText, now: Time) -> StoreResult<CredentialCreated>;
        fn update_credential(credential: &Credential) -> StoreResult<bool>;
        fn revoke_credential(tenant: TenantId, source: SourceId, id: CredentialId, now: Time) -> StoreResult<bool>;
        fn credential(tenant: TenantId, source: SourceId, id: CredentialId) -> StoreResult<Option<Credential>>;
        fn credentials(tenant: TenantId, source: SourceId, before: Option<CredentialId>, rows: u32) -> StoreResult<Page<Credential>>;
        fn all_credentials(after: Option<CredentialId>, rows: u32) -> StoreResult<Vec<(PairHash, Credential)>>;
        fn credential_pairs(source: SourceId) -> StoreResult<Vec<(PairHash, Credential)>>;
        fn credential_by_hash(hash: PairHash) -> StoreResult<Option<Credential>>;
        fn touch_credentials(used: &[(CredentialId, Time)]) -> StoreResult<()>;
    }
    Requests {
        fn record_refused(requests: Vec<RefusedRequest>, bounds: RefusedBounds) -> StoreResult<()>;
        fn refused_requests(refuser: Refuser, filter: &RefusedFilter, before: Option<RequestId>, rows: u32) -> StoreResult<Page<RefusedRequest>>;
        fn refused_request(tenant: Option<TenantId>, id: RequestId) -> StoreResult<Option<RefusedRequest>>;
        fn purge_refused(before: Time, rows_max: u32) -> StoreResult<u32>;
    }
    Answers {
        fn take_key(key: &IdempotencyKey, now: Time) -> StoreResult<KeyTaken>;
        fn keep_answer(key_hash: [u8; 32], answer: &KeptAnswer) -> StoreResult<()>;
        fn free_key(key_hash: [u8; 32]) -> StoreResult<()>;
    }
}
