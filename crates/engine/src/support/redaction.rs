//! Takes secrets out of texts that come from elsewhere.

use std::collections::BTreeSet;

use stentor_core::webhook::Webhook;
use zeroize::Zeroizing;

/// What stands in the place of a secret.
const MASK: &str = "[redacted]";

/// The texts that must not show.
pub struct Redaction {
    /// Longest first, so that a secret which holds another goes as a whole.
    secrets: Vec<Zeroizing<String>>,
}

impl Redaction {
    /// Signing secrets, header values and what stands in the query of the URL, of all these webhooks; each as it is, and as
    /// JSON writes it.
    pub fn of<'a>(webhooks: impl Iterator<Item = &'a Webhook>) -> Self {
        let mut texts = BTreeSet::new();
        for webhook in webhooks {
            for secret in &webhook.secrets.signing {
                let text = secret.value.reveal();
                texts.extend([text, text.strip_prefix("whsec_").unwrap_or(text)].map(str::to_owned));
            }
            texts.extend(webhook.secrets.headers.iter().map(|(_, value)| value.to_owned()));
            texts.extend(query_parts(webhook.config.url.as_str()));
        }
        let escaped: Vec<String> = texts.iter().filter_map(|text| as_json(text)).collect();
        texts.extend(escaped);
        texts.remove("");
        let mut secrets: Vec<_> = texts.into_iter().map(Zeroizing::new).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// The text without them.
    pub fn apply(&self, text: &str) -> String {
        let mut rest = text;
        let mut clean = String::with_capacity(text.len());
        // One pass, so that what stands in the place of one secret is not searched for the next.
        'scan: while let Some(letter) = rest.chars().next() {
            for secret in &self.secrets {
                if let Some(after) = rest.strip_prefix(secret.as_str()) {
                    clean.push_str(MASK);
                    rest = after;
                    continue 'scan;
                }
            }
            clean.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
        clean
    }
}

/// The query as a whole and the value of each of its parts.
fn query_parts(url: &str) -> impl Iterator<Item = String> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let values = query.split('&').map(|part| part.split_once('=').map_or(part, |(_, value)| value));
    std::iter::once(query).chain(values).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// As it stands inside a JSON string, where that differs.
fn as_json(text: &str) -> Option<String> {
    let quoted = serde_json::to_string(text).ok()?;
    let inner = quoted.get(1..quoted.len().saturating_sub(1))?;
    (inner != text).then(|| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stentor_core::destination_url::DestinationUrl;
    use stentor_core::header::CustomHeaders;
    use stentor_core::id::{TenantId, WebhookId};
    use stentor_core::shard::Shard;
    use stentor_core::time::Time;
    use stentor_core::webhook::{SecretText, SigningSecret, WebhookConfig, WebhookSecrets, WebhookStatus};

    use super::*;

    fn webhook(url: &str, secret: &str, headers: &[(&str, &str)]) -> Webhook {
        let id = WebhookId::from_bytes([1; 16]);
        let value = SecretText::new(secret.to_owned());
        Webhook {
            id,
            tenant: TenantId::from_bytes([2; 16]),
            shard: Shard::of(id),
            config: WebhookConfig::new(DestinationUrl::from_stored(url).expect("valid"), Vec::new()),
            secrets: WebhookSecrets {
                signing: vec![SigningSecret { value, active_from: Time::ZERO, active_until: None }],
                headers: CustomHeaders::parse(headers.iter().copied()).expect("valid"),
            },
            status: WebhookStatus::Active,
            version: 1,
            created_at: Time::ZERO,
            updated_at: Time::ZERO,
        }
    }

    #[test]
    fn secrets_go_however_they_are_echoed() {
        let webhook = webhook(
            "https://example.com/?token=query-secret&x=1",
            "whsec_c2lnbmluZyBzZWNyZXQ=",
            &[("x-key", "header \"secret\""), ("authorization", "Bearer abc")],
        );
        let redaction = Redaction::of([&webhook].into_iter());
        let echo = r#"{"k":"header \"secret\"","p":"header "secret"","s":"c2lnbmluZyBzZWNyZXQ=","u":"/?token=query-secret&x=1","a":"Bearer abc","é":true}"#;
        let clean = redaction.apply(echo);
        for secret in ["query-secret", "c2lnbm", "Bearer", r#"header "sec"#, r#"header \"sec"#] {
            assert!(!clean.contains(secret), "{secret} in {clean}");
        }
        assert!(clean.contains("\"é\":true"), "{clean}");
    }

    proptest! {
        #[test]
        fn no_secret_is_left_in_any_text(before in "[a-c]{0,20}", secret in "[a-c]{8,12}", after in "[a-c]{0,20}") {
            let webhook = webhook("https://example.com/", &secret, &[]);
            let clean = Redaction::of([&webhook].into_iter()).apply(&format!("{before}{secret}{after}"));
            prop_assert!(!clean.contains(&secret), "{clean}");
            prop_assert!(clean.contains(MASK));
        }
    }
}
