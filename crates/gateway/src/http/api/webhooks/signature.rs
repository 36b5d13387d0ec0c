//! The signature of a webhook as the API writes and reads it.

use http::HeaderName;
use serde::{Deserialize, Serialize};
use stentor_core::header::is_reserved;
use stentor_core::profile::Profile;
use stentor_core::signature::{Encoding, Signature, SignatureScheme, SignedContent};
use utoipa::ToSchema;

use crate::http::extract::objects;
use crate::http::problem::FieldError;

/// Reserved for users, and yet right for a signature: the names of the seeds' profiles.
const SIGNATURE_HEADERS: [&str; 4] =
    ["x-webhook-signature", "x-webhook-timestamp", "x-broxi-signature", "x-broxi-timestamp"];
/// Most signatures beside the main one.
const ALSO_MAX: usize = 4;
/// Most headers that one signature covers, and those that none can.
const COVERED_MAX: usize = 16;
const UNSIGNED_HEADERS: [&str; 5] =
    ["connection", "content-length", "host", "transfer-encoding", "user-agent"];
/// Longest text before a signature.
const PREFIX_BYTES_MAX: usize = 32;

/// How requests are signed. The last five are presets for receivers of other senders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SchemeName {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    Standard,
    /// Lower-case hex HMAC-SHA256 in one header.
    Hex,
    /// Base64 HMAC-SHA256 in one header.
    Base64,
    /// No signature.
    None,
    /// Standard Webhooks under Svix's names: `svix-id`, `svix-timestamp`, `svix-signature`.
    Svix,
    /// Convoy's simple signature: hex over the body in `x-convoy-signature`.
    Convoy,
    /// Convoy's advanced signature: `t=…,v1=…` in `x-convoy-signature`.
    ConvoyAdvanced,
    /// Outpost's signature: `v0=` and hex over the body in `x-outpost-signature`.
    Outpost,
    /// Hook0's signature of the body, `t=…,v0=…` in `x-hook0-signature`; with `headers` also of these, `t=…,h=…,v0=…,v1=…`.
    Hook0,
}

/// How requests are signed; what is not given is as in the profile.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignatureView {
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<SchemeName>,
    /// The header that carries the signature; needed by `hex` and `base64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "x-webhook-signature")]
    header: Option<String>,
    /// The header that carries the Unix seconds of the attempt; for `hex` and `base64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_header: Option<String>,
    /// What a hex or base64 signature covers: `body` or `timestamp.body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "body")]
    content: Option<SignedContent>,
    /// Stands before a hex or base64 signature, such as `sha256=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    /// Headers that a `hook0` signature covers, at most 16: each that a request has is named in `h`, and `v1` stands beside `v0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["content-type", "webhook-id"]))]
    headers: Option<Vec<String>>,
    /// Signatures that go beside it, at most 4, while receivers move from one to the other.
    #[serde(default, deserialize_with = "other_signatures", skip_serializing_if = "Option::is_none")]
    also: Option<Vec<OtherSignature>>,
}

/// A signature that goes beside the main one.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OtherSignature {
    scheme: SchemeName,
    /// The header that carries the signature; needed by `hex` and `base64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    /// The header that carries the Unix seconds of the attempt; for `hex` and `base64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_header: Option<String>,
    /// What a hex or base64 signature covers: `body` or `timestamp.body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    content: Option<SignedContent>,
    /// Stands before a hex or base64 signature, such as `sha256=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    /// Headers that a `hook0` signature covers, at most 16: each that a request has is named in `h`, and `v1` stands beside `v0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<String>>,
}

fn other_signatures<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<OtherSignature>>, D::Error> {
    objects(deserializer).map(Some)
}

impl SignatureView {
    pub(super) fn showing(signature: &Signature) -> Self {
        let OtherSignature { scheme, header, timestamp_header, content, prefix, headers } =
            OtherSignature::showing(&signature.main);
        let also: Vec<_> = signature.also.iter().map(OtherSignature::showing).collect();
        Self {
            scheme: Some(scheme),
            header,
            timestamp_header,
            content,
            prefix,
            headers,
            also: (!also.is_empty()).then_some(also),
        }
    }

    pub(super) fn signature(&self, profile: Profile, errors: &mut Vec<FieldError>) -> Option<Signature> {
        let before = errors.len();
        let own = profile.signature();
        let inherited = OtherSignature::showing(&own.main);
        let scheme = self.scheme.unwrap_or(inherited.scheme);
        let same = scheme == inherited.scheme;
        let inherit = |own: &Option<String>, other: Option<String>| own.clone().or(other.filter(|_| same));
        let main = OtherSignature {
            scheme,
            header: inherit(&self.header, inherited.header),
            timestamp_header: inherit(&self.timestamp_header, inherited.timestamp_header),
            content: self.content.or(inherited.content.filter(|_| same)),
            prefix: inherit(&self.prefix, inherited.prefix),
            headers: self.headers.clone(),
        };
        let main = main.scheme("/signature", errors);
        let also = match &self.also {
            // Another scheme than the profile's has nothing of the profile's beside it.
            None if same => own.also,
            None => Vec::new(),
            Some(also) => also
                .iter()
                .enumerate()
                .filter_map(|(n, other)| other.scheme(&format!("/signature/also/{n}"), errors))
                .collect(),
        };
        if self.also.as_ref().is_some_and(|also| also.len() > ALSO_MAX) {
            errors
                .push(FieldError::new("/signature/also", format!("must hold at most {ALSO_MAX} signatures")));
        }
        let signature = Signature { main: main?, also, optional: own.optional };
        if let Some(name) = signature.repeated_header() {
            errors.push(FieldError::new("/signature", format!("two signatures set the header {name}")));
        }
        (errors.len() == before).then_some(signature)
    }
}

impl OtherSignature {
    fn showing(scheme: &SignatureScheme) -> Self {
        let named = |scheme, header: Option<&str>| Self {
            scheme,
            header: header.map(Into::into),
            timestamp_header: None,
            content: None,
            prefix: None,
            headers: None,
        };
        match scheme {
            SignatureScheme::None => named(SchemeName::None, None),
            SignatureScheme::Standard => named(SchemeName::Standard, None),
            SignatureScheme::Svix => named(SchemeName::Svix, None),
            SignatureScheme::ConvoyAdvanced { header } => named(SchemeName::ConvoyAdvanced, Some(header)),
            SignatureScheme::Hook0 { header, covered } => Self {
                headers: (!covered.is_empty()).then(|| covered.iter().map(ToString::to_string).collect()),
                ..named(SchemeName::Hook0, Some(header))
            },
            SignatureScheme::Hmac { header, timestamp_header, content, encoding, prefix } => Self {
                scheme: match encoding {
                    Encoding::Hex => SchemeName::Hex,
                    Encoding::Base64 => SchemeName::Base64,
                },
                header: Some(header.to_string()),
                timestamp_header: timestamp_header.as_deref().map(Into::into),
                content: Some(*content),
                prefix: (!prefix.is_empty()).then(|| prefix.to_string()),
                headers: None,
            },
        }
    }

    /// The header and the text before the signature, where the scheme brings them.
    const fn preset(&self) -> (Option<&'static str>, &'static str) {
        match self.scheme {
            SchemeName::Convoy | SchemeName::ConvoyAdvanced => (Some("x-convoy-signature"), ""),
            SchemeName::Outpost => (Some("x-outpost-signature"), "v0="),
            SchemeName::Hook0 => (Some("x-hook0-signature"), ""),
            _ => (None, ""),
        }
    }

    fn scheme(&self, pointer: &str, errors: &mut Vec<FieldError>) -> Option<SignatureScheme> {
        let before = errors.len();
        let (preset_header, preset_prefix) = self.preset();
        let header: Option<Box<str>> = self.header.as_deref().or(preset_header).map(Into::into);
        if let Some(header) = &header {
            check_header(&format!("{pointer}/header"), header, errors);
        }
        let takes_parts = matches!(
            self.scheme,
            SchemeName::Hex | SchemeName::Base64 | SchemeName::Convoy | SchemeName::Outpost
        );
        let has_parts = self.timestamp_header.is_some() || self.content.is_some() || self.prefix.is_some();
        if has_parts && !takes_parts {
            errors.push(FieldError::new(
                pointer,
                "timestamp_header, content and prefix need the scheme hex or base64",
            ));
        }
        if self.headers.is_some() && self.scheme != SchemeName::Hook0 {
            errors.push(FieldError::new(format!("{pointer}/headers"), "needs the scheme hook0"));
        }
        let scheme = match self.scheme {
            SchemeName::None | SchemeName::Standard | SchemeName::Svix if header.is_some() => {
                errors.push(FieldError::new(
                    format!("{pointer}/header"),
                    "belongs to the scheme hex or base64",
                ));
                None
            }
            SchemeName::None => Some(SignatureScheme::None),
            SchemeName::Standard => Some(SignatureScheme::Standard),
            SchemeName::Svix => Some(SignatureScheme::Svix),
            SchemeName::ConvoyAdvanced => header.map(|header| SignatureScheme::ConvoyAdvanced { header }),
            SchemeName::Hook0 => {
                let covered = self.covered(pointer, header.as_deref(), errors);
                header.map(|header| SignatureScheme::Hook0 { header, covered })
            }
            SchemeName::Hex | SchemeName::Base64 | SchemeName::Convoy | SchemeName::Outpost => {
                self.hmac(pointer, header, preset_prefix, errors)
            }
        };
        scheme.filter(|_| errors.len() == before)
    }

    fn covered(&self, pointer: &str, own: Option<&str>, errors: &mut Vec<FieldError>) -> Vec<Box<str>> {
        let names = self.headers.as_deref().unwrap_or_default();
        if names.len() > COVERED_MAX {
            let detail = format!("must name at most {COVERED_MAX} headers");
            errors.push(FieldError::new(format!("{pointer}/headers"), detail));
        }
        let names: Vec<Box<str>> = names.iter().map(|name| name.to_ascii_lowercase().into()).collect();
        for (n, name) in names.iter().enumerate() {
            let wrong = if HeaderName::try_from(&**name).is_err() {
                "must be a header name"
            } else if UNSIGNED_HEADERS.contains(&&**name) {
                "is written by the connection, after the signature"
            } else if own.is_some_and(|own| own.eq_ignore_ascii_case(name)) {
                "carries the signature itself"
            } else if names[..n].contains(name) {
                "is named twice"
            } else {
                continue;
            };
            errors.push(FieldError::new(format!("{pointer}/headers/{n}"), wrong));
        }
        names
    }

    fn hmac(
        &self,
        pointer: &str,
        header: Option<Box<str>>,
        preset_prefix: &str,
        errors: &mut Vec<FieldError>,
    ) -> Option<SignatureScheme> {
        let content = self.content.unwrap_or(SignedContent::Body);
        if header.is_none() {
            errors
                .push(FieldError::new(format!("{pointer}/header"), "is needed by the scheme hex or base64"));
        }
        let timestamp_pointer = format!("{pointer}/timestamp_header");
        match &self.timestamp_header {
            Some(name) => check_header(&timestamp_pointer, name, errors),
            None if content == SignedContent::TimestampBody => {
                errors.push(FieldError::new(timestamp_pointer, "is needed when content is timestamp.body"));
            }
            None => {}
        }
        let prefix = self.prefix.as_deref().unwrap_or(preset_prefix);
        if prefix.len() > PREFIX_BYTES_MAX || !prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
            let expected =
                format!("must be at most {PREFIX_BYTES_MAX} bytes of visible ASCII without spaces");
            errors.push(FieldError::new(format!("{pointer}/prefix"), expected));
        }
        let encoding = if self.scheme == SchemeName::Base64 { Encoding::Base64 } else { Encoding::Hex };
        Some(SignatureScheme::Hmac {
            header: header?,
            timestamp_header: self.timestamp_header.as_deref().map(Into::into),
            content,
            encoding,
            prefix: prefix.into(),
        })
    }
}

fn check_header(pointer: &str, name: &str, errors: &mut Vec<FieldError>) {
    let known = SIGNATURE_HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    if HeaderName::try_from(name).is_err() {
        errors.push(FieldError::new(pointer, "must be a header name"));
    } else if is_reserved(name) && !known {
        errors.push(FieldError::new(
            pointer,
            "belongs to the gateway or to the connection; choose another name",
        ));
    }
}

#[cfg(test)]
mod tests;
