//! A source as the API shows it.

use http::HeaderMap;
use http::header::HOST;
use serde::Serialize;
use stentor_core::id::SourceId;
use stentor_core::source::{Content, Source};
use stentor_core::time::Time;
use utoipa::ToSchema;

use super::settings::SourceSettings;
use super::verification::VerificationView;

/// The body of the example.
const SAMPLE: &str = r#"{"event":"test.event","data":{"message":"hello"}}"#;

/// A source: what was set of it, and where to send.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Source)]
pub(in crate::http::api) struct SourceView {
    #[schema(value_type = String, example = "src_01h455vb4pex5vsknk084sn02q")]
    id: SourceId,
    #[serde(flatten)]
    settings: SourceSettings,
    /// How requests prove themselves; secrets are told by their first characters.
    verification: VerificationView,
    /// Which bodies it takes: `json` or `any`.
    #[schema(value_type = String, example = "json")]
    content: Content,
    /// Where to send: `/in/{id}`, and for a source with credentials `/`, where they choose the source.
    #[schema(example = "https://hooks.example.com/in/src_01h455vb4pex5vsknk084sn02q")]
    url: String,
    /// A request that can be pasted into a shell. `USERNAME:PASSWORD` stands for a credential.
    curl: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

impl SourceView {
    pub(super) fn new(source: &Source, headers: &HeaderMap) -> Self {
        let url = url(source, headers);
        let mut settings = SourceSettings::of(source);
        settings.verification = None;
        settings.content = None;
        Self {
            id: source.id,
            settings,
            verification: VerificationView::of(source),
            content: source.config.effective_content(),
            curl: curl(source, &url),
            url,
            created_at: source.created_at,
            updated_at: source.updated_at,
        }
    }
}

impl SourceView {
    /// As it is handed to somebody who helps: also without what simulated responses may hold.
    pub(in crate::http::api) fn handed_out(source: &Source, headers: &HeaderMap) -> Self {
        let mut view = Self::new(source, headers);
        view.settings.response = None;
        view
    }
}

/// By the name that the caller used for this server; it is told to nobody else.
pub(in crate::http::api) fn base(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|host| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        !host.is_empty() && host.bytes().all(legal)
    });
    let host = host.unwrap_or("localhost:8080");
    let is_near = host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]");
    format!("{}://{host}", if is_near { "http" } else { "https" })
}

fn url(source: &Source, headers: &HeaderMap) -> String {
    if let Some(told) = &source.config.public_url {
        return told.as_str().to_owned();
    }
    let base = base(headers);
    if source.config.verification.is_basic() {
        format!("{base}/")
    } else {
        format!("{base}/in/{}", source.id)
    }
}

fn curl(source: &Source, url: &str) -> String {
    // A URL holds no quote, so that nothing in it is read by a shell.
    let url = url.replace('\'', "%27");
    let start = format!("curl -X POST '{url}' -H 'Content-Type: application/json'");
    if source.config.verification.is_basic() {
        format!("{start} -H \"Authorization: Basic $(printf %s 'USERNAME:PASSWORD' | base64)\" -d '{SAMPLE}'")
    } else {
        format!("{start} -d '{SAMPLE}'")
    }
}
