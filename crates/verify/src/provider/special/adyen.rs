//! Adyen's standard notifications (payments): each item of the body carries its own HMAC-SHA256 in base64, made with the key's bytes (the key is
//! shown in hex) over eight of its fields. The item's other fields are not signed.
//!
//! Source: <https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::body;
use super::super::key::{Key, KeyRefused};
use super::super::record::{Algorithm, KeyForm};
use super::super::refusal::Refusal;
use super::super::request::Request;
use super::super::scheme::Scheme;
use super::super::verify::{Verified, matching};

/// Adyen sends one; its SOAP form knew up to six.
const ITEMS_MAX: usize = 32;

#[derive(Deserialize)]
struct Notification<'a> {
    #[serde(borrow, rename = "notificationItems")]
    items: Vec<Wrapped<'a>>,
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow, rename = "NotificationRequestItem")]
    item: Item<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    #[serde(borrow)]
    psp_reference: Option<&'a RawValue>,
    original_reference: Option<&'a RawValue>,
    merchant_account_code: Option<&'a RawValue>,
    merchant_reference: Option<&'a RawValue>,
    #[serde(default)]
    amount: Amount<'a>,
    event_code: Option<&'a RawValue>,
    success: Option<&'a RawValue>,
    #[serde(default)]
    additional_data: Additional<'a>,
}

#[derive(Default, Deserialize)]
struct Amount<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    currency: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Additional<'a> {
    #[serde(borrow, rename = "hmacSignature")]
    signature: Option<&'a RawValue>,
}

pub(super) fn key(text: &str) -> Result<Key, KeyRefused> {
    Key::parse(Algorithm::HmacSha256, KeyForm::Hex, text)
}

pub(super) fn verify(
    scheme: &Scheme,
    keys: &[Key],
    request: &Request<'_>,
    now_unix_ms: u64,
) -> Result<Verified, Refusal> {
    // Tells broken JSON from JSON of another shape.
    body::find(request.body, &[])?;
    let notification: Notification<'_> = serde_json::from_slice(request.body)
        .map_err(|_| Refusal::MissingField("notificationItems.0.NotificationRequestItem".into()))?;
    if notification.items.is_empty() || notification.items.len() > ITEMS_MAX {
        return Err(Refusal::MissingField("notificationItems.0".into()));
    }
    let mut key_index = None;
    let mut ids = Vec::new();
    for (position, Wrapped { item }) in notification.items.iter().enumerate() {
        // Of several items the key of the first is told; each must have one.
        let index = item.verify(keys, position)?;
        key_index = key_index.or(Some(index));
        ids.push(format!("{}:{}:{}", text(item.event_code), text(item.psp_reference), text(item.success)));
    }
    let mut verified =
        scheme.facts(request, None, None, key_index.ok_or(Refusal::NO_KEY_MATCHES)?, now_unix_ms)?;
    let first = &notification.items[0].item;
    verified.event_id = Some(text(first.psp_reference)).filter(|id| !id.is_empty());
    verified.dedupe_id = Some(ids.join(","));
    verified.event_type = Some(text(first.event_code)).filter(|code| !code.is_empty());
    Ok(verified)
}

impl Item<'_> {
    fn verify(&self, keys: &[Key], position: usize) -> Result<usize, Refusal> {
        let given = text(self.additional_data.signature);
        if given.is_empty() {
            let field = "NotificationRequestItem.additionalData.hmacSignature";
            return Err(Refusal::MissingField(format!("notificationItems.{position}.{field}").into()));
        }
        let given = STANDARD.decode(given).map_err(|_| Refusal::WrongEncoding { expected: "base64" })?;
        if given.len() != 32 {
            return Err(Refusal::WrongLength { expected_bytes: 32, actual_bytes: given.len() });
        }
        let fields = [
            self.psp_reference,
            self.original_reference,
            self.merchant_account_code,
            self.merchant_reference,
            self.amount.value,
            self.amount.currency,
            self.event_code,
            self.success,
        ];
        let content = fields.map(text).join(":");
        matching(keys, &[content.as_bytes()], &[given]).ok_or(Refusal::NO_KEY_MATCHES)
    }
}

/// A field as it is signed: empty when it is absent.
fn text(field: Option<&RawValue>) -> String {
    field.and_then(|value| body::scalar(value.get())).unwrap_or_default()
}
