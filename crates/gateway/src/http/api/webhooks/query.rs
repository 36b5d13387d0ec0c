//! Which webhooks a list holds.

use serde::Deserialize;
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::webhook::{DisableReason, Webhook, WebhookStatus};
use stentor_engine::Engine;
use stentor_store::{Page, StoreError};
use utoipa::{IntoParams, ToSchema};

use crate::http::extract::{Cursor, Limit};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WebhooksQuery {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// `next_cursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<WebhookId>>,
    /// Only webhooks in this status.
    #[param(inline)]
    status: Option<StatusWord>,
    /// Also the webhooks that deliver the messages of conversations.
    #[serde(default)]
    #[param(required = false)]
    conversations: bool,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StatusWord {
    Active,
    Paused,
    Disabled,
}

impl WebhooksQuery {
    /// The page that is asked for.
    pub(super) async fn page(&self, engine: &Engine, tenant: TenantId) -> Result<Page<Webhook>, StoreError> {
        let before = self.cursor.as_ref().map(Cursor::id);
        let rows = self.limit.rows();
        let status = match self.status {
            None => None,
            Some(StatusWord::Active) => Some(WebhookStatus::Active),
            Some(StatusWord::Paused) => Some(WebhookStatus::Paused),
            Some(StatusWord::Disabled) => {
                return disabled(engine, tenant, self.conversations, before, rows).await;
            }
        };
        engine.store().webhooks(tenant, status, self.conversations, before, rows).await
    }
}

/// The store lists disabled webhooks by their reason; the word stands for every reason.
async fn disabled(
    engine: &Engine,
    tenant: TenantId,
    of_conversations: bool,
    before: Option<WebhookId>,
    rows: u32,
) -> Result<Page<Webhook>, StoreError> {
    let mut all = Page { rows: Vec::new(), more: false };
    for reason in DisableReason::ALL {
        let status = Some(WebhookStatus::Disabled(reason));
        let page = engine.store().webhooks(tenant, status, of_conversations, before, rows).await?;
        all.rows.extend(page.rows);
        all.more |= page.more;
    }
    all.rows.sort_unstable_by_key(|webhook| std::cmp::Reverse(webhook.id));
    all.more |= all.rows.len() > rows as usize;
    all.rows.truncate(rows as usize);
    Ok(all)
}
