//! Amazon SNS over HTTP: RSA with SHA-1 (version 1) or SHA-256 (version 2) over chosen fields of the body, with the key of a certificate that the
//! body names.
//!
//! Anybody with an account at AWS can send validly signed messages, so the key is the ARN of the topic that is expected.
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha1::Sha1;
use sha2::Digest;

use super::super::body;
use super::super::certificate::{self, CertificateUrl};
use super::super::key::{Key, KeyRefused, Material};
use super::super::moment;
use super::super::record::TimeUnit;
use super::super::refusal::Refusal;
use super::super::request::Request;
use super::super::scheme::Scheme;
use super::super::verify::{Verified, rsa_accepts_sha256};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(rename = "Type")]
    kind: String,
    message_id: String,
    topic_arn: String,
    message: String,
    timestamp: String,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL", alias = "SigningCertUrl")]
    certificate_url: String,
    subject: Option<String>,
    #[serde(rename = "SubscribeURL", alias = "SubscribeUrl")]
    subscribe_url: Option<String>,
    token: Option<String>,
}

const CONFIRMATION: &str = "SubscriptionConfirmation";

pub(super) fn key(text: &str) -> Result<Key, KeyRefused> {
    if !text.starts_with("arn:") && !text.is_empty() {
        return Err(KeyRefused::Form { expected: "the ARN of an SNS topic" });
    }
    Key::with(Material::Text, text)
}

pub(super) fn certificate_url(request: &Request<'_>) -> Result<CertificateUrl, Refusal> {
    Message::read(request.body)?.certificate_url()
}

/// The URL that confirms the subscription, if the request asks for that and is genuine. To be fetched once.
pub(in super::super) fn confirmation(
    scheme: &Scheme,
    keys: &[Key],
    request: &Request<'_>,
    now_unix_ms: u64,
) -> Result<Option<CertificateUrl>, Refusal> {
    let Ok(message) = Message::read(request.body) else { return Ok(None) };
    if message.kind != CONFIRMATION {
        return Ok(None);
    }
    verify(scheme, keys, request, now_unix_ms)?;
    let url = message.subscribe_url.unwrap_or_default();
    CertificateUrl::checked(&url, is_host).map(Some).map_err(Refusal::CertificateUrlRefused)
}

pub(super) fn verify(
    scheme: &Scheme,
    keys: &[Key],
    request: &Request<'_>,
    now_unix_ms: u64,
) -> Result<Verified, Refusal> {
    let message = Message::read(request.body)?;
    message.certificate_url()?;
    let expected = keys.iter().position(|key| key.is_text(message.topic_arn.as_bytes()));
    let key_index = expected.ok_or(Refusal::OtherTopic)?;
    let place = "the body's field Timestamp";
    let at = moment::check(&message.timestamp, TimeUnit::Iso, place, scheme.tolerance_seconds, now_unix_ms)?;
    let given =
        STANDARD.decode(&message.signature).map_err(|_| Refusal::WrongEncoding { expected: "base64" })?;
    let public_key = certificate::public_key(request, now_unix_ms)?;
    certificate::check_length(&public_key, &given)?;
    let content = message.content()?;
    let fits = match message.signature_version.as_str() {
        "1" => {
            let digest = Sha1::digest(content.as_bytes());
            public_key.verify(rsa::Pkcs1v15Sign::new::<Sha1>(), &digest, &given).is_ok()
        }
        "2" => rsa_accepts_sha256(&public_key, content.as_bytes(), &given),
        _ => return Err(Refusal::UnknownVersion("1 and 2".into())),
    };
    if !fits {
        return Err(Refusal::NO_KEY_MATCHES);
    }
    let mut verified = scheme.facts(request, None, Some(at), key_index, now_unix_ms)?;
    verified.dedupe_id = verified.dedupe_id.or_else(|| Some(message.message_id.clone()));
    verified.event_id = Some(message.message_id);
    verified.event_type = verified.event_type.or(Some(message.kind));
    Ok(verified)
}

impl Message {
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        // Tells broken JSON from JSON of another shape.
        body::find(body, &[])?;
        serde_json::from_slice(body).map_err(|error| {
            let said = error.to_string();
            let field = said.split('`').nth(1).unwrap_or("Type");
            Refusal::MissingField(field.chars().take(32).collect::<String>().into())
        })
    }

    fn certificate_url(&self) -> Result<CertificateUrl, Refusal> {
        let url = CertificateUrl::checked(&self.certificate_url, is_host);
        let url = url
            .and_then(|url| if url.as_str().ends_with(".pem") { Ok(url) } else { Err("it is no .pem file") });
        url.map_err(Refusal::CertificateUrlRefused)
    }

    /// The signed fields, each as two lines, in the order of their names.
    fn content(&self) -> Result<String, Refusal> {
        let mut fields = vec![("Message", &self.message), ("MessageId", &self.message_id)];
        if self.kind == "Notification" {
            fields.extend(self.subject.as_ref().map(|subject| ("Subject", subject)));
            fields.push(("Timestamp", &self.timestamp));
        } else {
            let missing = |name: &'static str| move || Refusal::MissingField(name.into());
            fields.push(("SubscribeURL", self.subscribe_url.as_ref().ok_or_else(missing("SubscribeURL"))?));
            fields.push(("Timestamp", &self.timestamp));
            fields.push(("Token", self.token.as_ref().ok_or_else(missing("Token"))?));
        }
        fields.extend([("TopicArn", &self.topic_arn), ("Type", &self.kind)]);
        Ok(fields.into_iter().map(|(name, value)| format!("{name}\n{value}\n")).collect())
    }
}

/// `sns.REGION.amazonaws.com`, in China with `.cn`.
fn is_host(host: &str) -> bool {
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let region = host.strip_prefix("sns.").and_then(|rest| rest.strip_suffix(".amazonaws.com"));
    region.is_some_and(|region| {
        region.len() >= 3 && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn hosts_of_amazon_sns() {
        for host in [
            "sns.us-east-1.amazonaws.com",
            "sns.cn-north-1.amazonaws.com.cn",
            "sns.us-gov-west-1.amazonaws.com",
        ] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "amazonaws.com",
            "sns.amazonaws.com",
            "sns..amazonaws.com",
            "s3.us-east-1.amazonaws.com",
            "sns.a.b.amazonaws.com",
            "sns.us-east-1.amazonaws.com.example",
            "xsns.us-east-1.amazonaws.com",
            "sns.us-east-1.amazonaws.com.cn.cn",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }
}
