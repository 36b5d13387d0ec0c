//! Handshakes: requests that ask whether this receiver is the right one, and what to answer.

use serde::{Deserialize, Serialize};

use super::body::{self, Path, scalar};
use super::certificate::CertificateUrl;
use super::key::{Key, Material};
use super::refusal::Refusal;
use super::request::Request;
use super::scheme::Scheme;
use super::special::sns_confirmation;
use super::verify::verify;

/// Which handshake a sender makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Challenge {
    /// Slack: `url_verification`, signed; the challenge comes back.
    Slack,
    /// Zoom: `endpoint.url_validation`, signed; the token comes back with its HMAC.
    Zoom,
    /// Meta: GET with `hub.verify_token`; `hub.challenge` comes back.
    Meta,
    /// Okta: GET with `X-Okta-Verification-Challenge`; its value comes back.
    Okta,
    /// X: GET with `crc_token`; its HMAC comes back.
    X,
    /// Discord: PING, signed; `{"type":1}` for interactions, 204 for events.
    Discord,
    /// Xero: a signed request without events; 200 or 401 without a body.
    Xero,
    /// Adyen: no handshake, but each accepted request is answered `[accepted]`.
    Adyen,
    /// Amazon SNS: `SubscriptionConfirmation`, signed; its URL must be fetched.
    Sns,
    /// CloudEvents HTTP webhook: OPTIONS with `WebHook-Request-Origin`.
    Cloudevents,
    /// Dropbox: GET with `challenge`; it comes back.
    Dropbox,
}

/// What to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body; may be empty.
    pub body: String,
    /// What must be fetched for the handshake to be complete, once, through a client that refuses inner addresses and redirects. Answer 200
    /// whatever comes of it: the sender repeats the handshake.
    pub confirm: Option<CertificateUrl>,
}

impl Answer {
    fn text(body: &str) -> Self {
        // What a stranger sent comes back, so no browser may take it for a page.
        let headers =
            vec![("content-type", "text/plain".into()), ("x-content-type-options", "nosniff".into())];
        Self { status: 200, headers, body: body.to_owned(), confirm: None }
    }

    fn json(value: &serde_json::Value) -> Self {
        let headers = vec![("content-type", "application/json".into())];
        Self { status: 200, headers, body: value.to_string(), confirm: None }
    }

    fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }
}

/// Longest challenge that is sent back, in bytes.
const CHALLENGE_MAX_BYTES: usize = 1_024;
/// Handshakes are small, so larger bodies are not looked through.
const BODY_MAX_BYTES: usize = 16_384;

/// The answer to a handshake; nothing if the request is none. A handshake that its sender signs is answered only when the signature is good.
///
/// # Errors
/// When it is a handshake and must not be answered; the reason is that of [`verify`].
///
/// ```
/// use stentor_verify::provider::{Request, challenge, preset};
///
/// let scheme = &preset("meta").expect("a preset").scheme;
/// let keys = [scheme.key("app secret")?, scheme.verify_token("chosen")?];
/// let url = "https://example.com/in/src_1?hub.mode=subscribe&hub.verify_token=chosen&hub.challenge=1158201444";
/// let request = Request { method: "GET", url, headers: &[], body: b"", certificate: None };
/// let answer = challenge(scheme, &keys, &request, 1_700_000_000_000)?.expect("a handshake");
/// assert_eq!((answer.status, answer.body.as_str()), (200, "1158201444"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn challenge(
    scheme: &Scheme,
    keys: &[Key],
    request: &Request<'_>,
    now_unix_ms: u64,
) -> Result<Option<Answer>, Refusal> {
    let Some(kind) = scheme.challenge_kind() else { return Ok(None) };
    let is_genuine = || verify(scheme, keys, request, now_unix_ms).map(|_| ());
    match kind {
        Challenge::Slack => slack(request, is_genuine),
        Challenge::Zoom => zoom(keys, request, is_genuine),
        Challenge::Meta => meta(keys, request),
        Challenge::Okta => okta(request),
        Challenge::X => x(keys, request),
        Challenge::Discord => discord(request, is_genuine),
        Challenge::Xero => xero(request, is_genuine),
        Challenge::Adyen => Ok(None),
        Challenge::Sns => {
            let confirm = sns_confirmation(scheme, keys, request, now_unix_ms)?;
            Ok(confirm.map(|url| Answer { confirm: Some(url), ..Answer::empty(200) }))
        }
        Challenge::Cloudevents => cloudevents(request),
        Challenge::Dropbox => Ok(echo(request, "challenge")),
    }
}

impl Scheme {
    /// What the sender wants to read when a request was accepted, if it wants anything but a 2xx.
    #[must_use]
    pub fn accepted_answer(&self) -> Option<Answer> {
        match self.challenge_kind()? {
            Challenge::Adyen => Some(Answer::text("[accepted]")),
            Challenge::Xero => Some(Answer::empty(200)),
            _ => None,
        }
    }

    /// What the sender wants to read when a request was refused for its signature, if it wants anything but a 401.
    #[must_use]
    pub fn refused_answer(&self) -> Option<Answer> {
        (self.challenge_kind()? == Challenge::Xero).then(|| Answer::empty(401))
    }
}

type Answered = Result<Option<Answer>, Refusal>;

/// The texts at the paths of a small JSON body.
fn fields<const N: usize>(request: &Request<'_>, paths: [&str; N]) -> [Option<String>; N] {
    let paths = paths.map(|path| Path::parse(path).expect("a path of this file"));
    let paths: [&Path; N] = std::array::from_fn(|index| &paths[index]);
    let is_small = request.method == "POST" && request.body.len() <= BODY_MAX_BYTES;
    let found = if is_small { body::find(request.body, &paths).ok() } else { None };
    let found = found.unwrap_or_else(|| vec![None; N]);
    std::array::from_fn(|index| found[index].and_then(scalar))
}

fn slack(request: &Request<'_>, is_genuine: impl FnOnce() -> Result<(), Refusal>) -> Answered {
    let [kind, Some(value)] = fields(request, ["type", "challenge"]) else { return Ok(None) };
    if kind.as_deref() != Some("url_verification") || value.len() > CHALLENGE_MAX_BYTES {
        return Ok(None);
    }
    is_genuine()?;
    Ok(Some(Answer::text(&value)))
}

/// Answers that are an HMAC must never be one of a webhook: then anybody could have webhooks signed. Tokens are plain words, and no content
/// that Zoom or X sign looks like that.
fn is_word(token: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=+/.".contains(&byte);
    (1..=256).contains(&token.len()) && token.bytes().all(is_letter)
}

fn zoom(keys: &[Key], request: &Request<'_>, is_genuine: impl FnOnce() -> Result<(), Refusal>) -> Answered {
    let [kind, Some(token)] = fields(request, ["event", "payload.plainToken"]) else { return Ok(None) };
    if kind.as_deref() != Some("endpoint.url_validation") || !is_word(&token) {
        return Ok(None);
    }
    is_genuine()?;
    let digest = digest(keys, token.as_bytes())?;
    let encrypted = super::hint::hex(&digest);
    Ok(Some(Answer::json(&serde_json::json!({"plainToken": token, "encryptedToken": encrypted}))))
}

/// HMAC with the newest secret.
fn digest(keys: &[Key], content: &[u8]) -> Result<Vec<u8>, Refusal> {
    let macs =
        keys.iter().filter_map(|key| if let Material::Mac(mac) = &key.material { Some(mac) } else { None });
    macs.map(|mac| mac.digest(&[content])).next().ok_or(Refusal::NoKeys)
}

fn meta(keys: &[Key], request: &Request<'_>) -> Answered {
    if request.method != "GET" || request.query("hub.mode").as_deref() != Some("subscribe") {
        return Ok(None);
    }
    let token = request.query("hub.verify_token");
    let token = token.ok_or_else(|| Refusal::MissingParameter("hub.verify_token".into()))?;
    let mut tokens = keys.iter().filter(|key| matches!(key.material, Material::VerifyToken)).peekable();
    if tokens.peek().is_none() {
        return Err(Refusal::NoKeys);
    }
    // All are compared: the time taken must not tell which fitted.
    if !tokens.fold(false, |any, key| any | key.is_text(token.as_bytes())) {
        return Err(Refusal::WrongToken("hub.verify_token".into()));
    }
    let answer = echo(request, "hub.challenge");
    answer.map(Some).ok_or_else(|| Refusal::MissingParameter("hub.challenge".into()))
}

fn echo(request: &Request<'_>, parameter: &str) -> Option<Answer> {
    let value = request.query(parameter).filter(|value| value.len() <= CHALLENGE_MAX_BYTES)?;
    (request.method == "GET").then(|| Answer::text(&value))
}

fn okta(request: &Request<'_>) -> Answered {
    let value = request.header("x-okta-verification-challenge")?;
    let value = value.filter(|value| request.method == "GET" && value.len() <= CHALLENGE_MAX_BYTES);
    Ok(value.map(|value| Answer::json(&serde_json::json!({"verification": value}))))
}

fn x(keys: &[Key], request: &Request<'_>) -> Answered {
    use base64::Engine;

    let token = request.query("crc_token").filter(|token| request.method == "GET" && is_word(token));
    let Some(token) = token else { return Ok(None) };
    let digest = digest(keys, token.as_bytes())?;
    let encoded = base64::engine::general_purpose::STANDARD.encode(digest);
    Ok(Some(Answer::json(&serde_json::json!({"response_token": format!("sha256={encoded}")}))))
}

fn discord(request: &Request<'_>, is_genuine: impl FnOnce() -> Result<(), Refusal>) -> Answered {
    // Interactions have a token; type 1 of event webhooks is an event.
    let [kind, token] = fields(request, ["type", "token"]);
    let answer = match (kind.as_deref(), token) {
        (Some("1"), Some(_)) => Answer::json(&serde_json::json!({"type": 1})),
        (Some("0"), None) => Answer::empty(204),
        _ => return Ok(None),
    };
    is_genuine()?;
    Ok(Some(answer))
}

fn xero(request: &Request<'_>, is_genuine: impl FnOnce() -> Result<(), Refusal>) -> Answered {
    let [entropy, first, sequence] = fields(request, ["entropy", "events.0.eventType", "firstEventSequence"]);
    if entropy.is_none() || first.is_some() || sequence.as_deref() != Some("0") {
        return Ok(None);
    }
    is_genuine()?;
    Ok(Some(Answer::empty(200)))
}

/// CloudEvents 1.0, HTTP webhook, section 4.
fn cloudevents(request: &Request<'_>) -> Answered {
    if request.method != "OPTIONS" {
        return Ok(None);
    }
    let origin = request.needed_header("webhook-request-origin")?;
    let is_visible = origin.len() <= 253 && origin.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_visible {
        return Err(Refusal::malformed("webhook-request-origin", "a host name"));
    }
    let mut answer = Answer::empty(200);
    answer.headers = vec![("allow", "POST".into()), ("webhook-allowed-origin", origin.into())];
    if let Some(rate) = request.header("webhook-request-rate")? {
        let is_number = (1..=9).contains(&rate.len()) && rate.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return Err(Refusal::malformed("webhook-request-rate", "a number of requests a minute"));
        }
        answer.headers.push(("webhook-allowed-rate", rate.into()));
    }
    Ok(Some(answer))
}

#[cfg(test)]
mod tests;
