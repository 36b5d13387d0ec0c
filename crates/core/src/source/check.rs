//! What holds of every source, whoever wrote it.

use http::HeaderName;

use super::place::Place;
use super::response::{SimulatedResponse, Simulation};
use super::{OnInvalid, SourceConfig, SourceRefusal, SourceSecrets};
use crate::limits::{
    ALLOWED_PEERS_MAX, BODY_BYTES_MAX, DEDUPE_WINDOW_SECONDS, EVENT_TYPE_PLACES_MAX, KEPT_HEADERS_MAX,
    RESPONSE_BODY_BYTES_MAX, RESPONSE_DELAY_MS_MAX, RESPONSE_HEADERS_MAX, RESPONSES_MAX,
    SOURCE_RATE_COUNT_MAX, SOURCE_RATE_PERIOD_SECONDS, TEXT_BYTES_MAX,
};

/// Headers that are never kept: they say who may speak, and belong to this one connection (readings, "over the wire").
const NEVER_KEPT: [&str; 5] =
    ["authorization", "cookie", "proxy-authorization", "set-cookie", "proxy-authenticate"];
/// Headers that a simulated response must leave to the server: they frame the answer, or would reach what else is served
/// under the same name, the dashboard above all.
const NEVER_SIMULATED: [&str; 17] = [
    "access-control-allow-credentials",
    "access-control-allow-origin",
    "alt-svc",
    "clear-site-data",
    "connection",
    "content-length",
    "content-security-policy",
    "date",
    "keep-alive",
    "service-worker-allowed",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-content-type-options",
];

/// Longest value of a header of a simulated response, in bytes.
const RESPONSE_VALUE_BYTES_MAX: usize = 1_024;

#[derive(Default)]
struct Refusals(Vec<SourceRefusal>);

impl Refusals {
    fn unless(&mut self, holds: bool, pointer: &str, detail: impl FnOnce() -> String) {
        if !holds {
            self.0.push(SourceRefusal::at(pointer, detail()));
        }
    }
}

impl SourceConfig {
    /// Everything that is no good, by its field; with the secrets that it is to have.
    pub fn refusals(&self, secrets: &SourceSecrets) -> Vec<SourceRefusal> {
        let mut broken = Refusals::default();
        let text = |text: &str| {
            !text.trim().is_empty() && text.len() <= TEXT_BYTES_MAX && !text.contains(char::is_control)
        };
        let text_rule =
            || format!("must be 1 to {TEXT_BYTES_MAX} bytes, not blank, without control characters");
        broken.unless(text(&self.name), "/name", text_rule);
        broken.unless(self.description.as_deref().is_none_or(text), "/description", text_rule);
        broken.unless(
            self.on_invalid == OnInvalid::Reject || self.verification.has_keys(),
            "/on_invalid",
            || "can be store_and_200 only where requests are signed; others have nothing that could be invalid".into(),
        );
        self.check_numbers(&mut broken);
        self.check_lists(&mut broken);
        if let Some(simulation) = &self.response {
            check_simulation(simulation, &mut broken);
        }
        broken.0.extend(self.verification.refusals(secrets));
        broken.0
    }

    fn check_numbers(&self, broken: &mut Refusals) {
        let seconds = self.dedupe.window.as_secs();
        broken.unless(DEDUPE_WINDOW_SECONDS.contains(&seconds), "/dedupe/window", || {
            let (shortest, longest) = DEDUPE_WINDOW_SECONDS.into_inner();
            format!("must be {shortest} to {longest} seconds")
        });
        if let Some(rate) = self.rate {
            broken.unless((1..=SOURCE_RATE_COUNT_MAX).contains(&rate.count), "/rate/count", || {
                format!("must be 1 to {SOURCE_RATE_COUNT_MAX}")
            });
            let period = rate.period.as_secs();
            broken.unless(SOURCE_RATE_PERIOD_SECONDS.contains(&period), "/rate/period", || {
                let (shortest, longest) = SOURCE_RATE_PERIOD_SECONDS.into_inner();
                format!("must be {shortest} to {longest} seconds")
            });
        }
        let most = u32::try_from(BODY_BYTES_MAX).unwrap_or(u32::MAX);
        broken.unless(
            self.max_body_bytes.is_none_or(|bytes| (1..=most).contains(&bytes)),
            "/max_body_bytes",
            || format!("must be 1 to {most}"),
        );
    }

    fn check_lists(&self, broken: &mut Refusals) {
        let places = self.event_type.from.as_ref().map_or(0, Vec::len);
        broken.unless(places <= EVENT_TYPE_PLACES_MAX, "/event_type/from", || {
            format!("must name at most {EVENT_TYPE_PLACES_MAX} places")
        });
        for (index, place) in self.event_type.from.iter().flatten().enumerate() {
            check_place(place, &format!("/event_type/from/{index}"), broken);
        }
        if let Some(place) = &self.dedupe.by {
            check_place(place, "/dedupe/by", broken);
        }
        broken.unless(self.allow.len() <= ALLOWED_PEERS_MAX, "/allow", || {
            format!("must name at most {ALLOWED_PEERS_MAX} addresses and networks")
        });
        broken.unless(self.keep_headers.len() <= KEPT_HEADERS_MAX, "/keep_headers", || {
            format!("must name at most {KEPT_HEADERS_MAX} headers")
        });
        for (index, name) in self.keep_headers.iter().enumerate() {
            let pointer = format!("/keep_headers/{index}");
            let is_name =
                HeaderName::from_bytes(name.as_bytes()).is_ok_and(|own| own.as_str() == name.as_str());
            broken.unless(is_name, &pointer, || "must be the name of a header, in lower case".into());
            broken.unless(may_be_kept(name), &pointer, || "is never kept: it says who may speak".into());
        }
    }
}

/// Stands in `keep_headers` for all headers that may be kept.
pub const ALL_HEADERS: &str = "*";

/// Whether a source may keep this header at all. The name is in lower case.
pub fn may_be_kept(name: &str) -> bool {
    !NEVER_KEPT.contains(&name)
}

fn check_place(place: &Place, pointer: &str, broken: &mut Refusals) {
    if let Place::Header(name) = place {
        broken.unless(may_be_kept(name.as_str()), &format!("{pointer}/header"), || {
            "is never looked at: it says who may speak".into()
        });
    }
}

fn check_simulation(simulation: &Simulation, broken: &mut Refusals) {
    let (list, responses): (_, Vec<&SimulatedResponse>) = match simulation {
        Simulation::Rules(rules) => ("/response/rules", rules.iter().map(|rule| &rule.response).collect()),
        Simulation::Sequence(responses) => ("/response/sequence", responses.iter().collect()),
    };
    broken.unless((1..=RESPONSES_MAX).contains(&responses.len()), list, || {
        format!("must hold 1 to {RESPONSES_MAX} responses")
    });
    for (index, response) in responses.into_iter().enumerate() {
        check_response(response, &format!("{list}/{index}"), broken);
    }
}

fn check_response(response: &SimulatedResponse, pointer: &str, broken: &mut Refusals) {
    let at = |member: &str| format!("{pointer}/{member}");
    broken.unless((200..=599).contains(&response.status), &at("status"), || {
        "must be a status from 200 to 599".into()
    });
    let has_no_body = matches!(response.status, 204 | 205 | 304);
    broken.unless(response.body.is_empty() || !has_no_body, &at("body"), || {
        format!("must be empty: an answer {} has none (RFC 9110 section 15)", response.status)
    });
    broken.unless(response.body.len() <= RESPONSE_BODY_BYTES_MAX, &at("body"), || {
        format!("must be at most {RESPONSE_BODY_BYTES_MAX} bytes")
    });
    let delay = response.delay.as_millis();
    broken.unless(delay <= u128::from(RESPONSE_DELAY_MS_MAX), &at("delay_ms"), || {
        format!("must be at most {RESPONSE_DELAY_MS_MAX}")
    });
    broken.unless(response.headers.len() <= RESPONSE_HEADERS_MAX, &at("headers"), || {
        format!("must hold at most {RESPONSE_HEADERS_MAX} headers")
    });
    for (name, value) in &response.headers {
        let pointer = at(&format!("headers/{}", name.replace('~', "~0").replace('/', "~1")));
        let is_name = HeaderName::from_bytes(name.as_bytes()).is_ok();
        broken.unless(is_name, &pointer, || "must be the name of a header".into());
        let lower = name.to_ascii_lowercase();
        broken.unless(!NEVER_SIMULATED.contains(&lower.as_str()), &pointer, || {
            "is set by the server alone".into()
        });
        let visible = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        broken.unless(visible && value.len() <= RESPONSE_VALUE_BYTES_MAX, &pointer, || {
            format!("must be at most {RESPONSE_VALUE_BYTES_MAX} visible ASCII characters")
        });
    }
}
