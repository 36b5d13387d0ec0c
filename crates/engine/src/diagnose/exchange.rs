//! What the receiver answers: GET, a signed POST, and what follows from both.

use std::time::Duration;

use stentor_core::attempt::{Attempt, AttemptOutcome, CapturedResponse, Phase};
use stentor_core::destination_url::DestinationUrl;
use stentor_core::event::EventType;
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;

use super::finding::{CheckName, Finding};
use super::report::{AnswerSeen, Check, Detail};
use crate::clock::Stopwatch;
use crate::event_types::{Sample, SampleOrigin};
use crate::outbound::OutboundClient;
use crate::outbound::probe::GetLook;
use crate::sender::{AttemptInput, NotStarted, Sender};
use crate::shard::SLOW;

/// The type and the data of the event that is posted.
const EVENT_TYPE: &str = "webhook.test";
const DATA: &[u8] = br#"{"test":true,"message":"A diagnosis by Stentor."}"#;
/// Most characters of an address that a redirect leads to.
const LOCATION_CHARS_MAX: usize = 2_048;

/// A probe's outcome and how long it took.
pub(super) struct Tried {
    pub(super) outcome: AttemptOutcome,
    duration: Duration,
    response: Option<CapturedResponse>,
    location: Option<String>,
}

impl Tried {
    fn redirects(&self) -> bool {
        self.outcome.status().is_some_and(|status| (300..400).contains(&status))
    }

    fn detail(&self) -> Detail {
        let body = self.response.as_ref().map(|response| &response.body[..]);
        Detail::Answer(AnswerSeen::new(self.outcome, body))
    }
}

/// Gets the URL without signature or secrets.
pub(super) async fn get(client: &OutboundClient, url: &DestinationUrl, now: Time, within: Duration) -> Tried {
    let stopwatch = Stopwatch::start();
    let GetLook { report, location } = client.get(url, now, within).await;
    Tried { outcome: report.outcome, duration: stopwatch.elapsed(), response: report.response, location }
}

/// Posts a test event exactly as a delivery of the webhook would go out.
///
/// # Errors
/// When it was not begun.
pub(super) async fn post(
    sender: &Sender,
    webhook: Webhook,
    now: Time,
    within: Duration,
) -> Result<Tried, NotStarted> {
    let event_type = EventType::parse(EVENT_TYPE).expect("a legal type");
    let sample = Sample { data: DATA.into(), previous_data: None, origin: SampleOrigin::Given };
    let input = AttemptInput::test(webhook, event_type, sample, now);
    let stopwatch = Stopwatch::start();
    // The webhook's own timeout may be longer than a probe may take.
    let Ok(attempted) = tokio::time::timeout(within, sender.attempt(input)).await else {
        let outcome = AttemptOutcome::Timeout { phase: Phase::Response };
        return Ok(Tried { outcome, duration: stopwatch.elapsed(), response: None, location: None });
    };
    let Attempt { outcome, duration, response, .. } = attempted?;
    Ok(Tried { outcome, duration, response, location: None })
}

/// How the GET is to be understood beside what the POST came to.
pub(super) fn judge_get(get: &Tried, post: Option<&Tried>) -> Check {
    let post_works = post.is_some_and(|post| post.outcome.is_success());
    let (finding, text) = match get.outcome {
        AttemptOutcome::Delivered { status } => (Finding::GetAnswered, format!("GET was answered {status}.")),
        AttemptOutcome::Refused { status: status @ (404 | 405), .. } if post_works => {
            (Finding::GetNotForGet, format!("GET was answered {status}, which is fine: POST works."))
        }
        AttemptOutcome::Refused { status: 404, .. } if post.is_none() => {
            (Finding::GetNotFound, "GET was answered 404.".to_owned())
        }
        AttemptOutcome::Refused { status: status @ 300..=399, .. } => {
            (Finding::GetRedirected, format!("GET was answered {status}."))
        }
        AttemptOutcome::Refused { status: status @ 500.., .. } => {
            (Finding::GetServerError, format!("GET was answered {status}."))
        }
        AttemptOutcome::Refused { status, .. } => {
            (Finding::GetRefused, format!("GET was answered {status}."))
        }
        AttemptOutcome::Timeout { .. } => (Finding::GetTimedOut, "GET was not answered in time.".to_owned()),
        outcome => (Finding::GetFailed, format!("GET failed: {}.", words(&outcome))),
    };
    Check::new(CheckName::Get, finding, text).took(get.duration).showing(get.detail())
}

/// What the signed POST came to.
pub(super) fn judge_post(post: &Tried) -> Check {
    let answered = |status: u16| format!("The signed POST was answered {status}.");
    let (finding, text) = match post.outcome {
        AttemptOutcome::Delivered { status } => (Finding::PostAccepted, answered(status)),
        AttemptOutcome::Refused { status, .. } => (refusal(status), answered(status)),
        AttemptOutcome::Timeout { .. } => {
            (Finding::PostTimedOut, "The signed POST was not answered in time.".to_owned())
        }
        AttemptOutcome::Unsendable => (Finding::PostUnsendable, "The POST could not be made.".to_owned()),
        outcome => (Finding::PostFailed, format!("The signed POST failed: {}.", words(&outcome))),
    };
    Check::new(CheckName::Post, finding, text).took(post.duration).showing(post.detail())
}

fn refusal(status: u16) -> Finding {
    match status {
        300..=399 => Finding::PostRedirected,
        401 | 403 => Finding::PostUnauthorized,
        404 | 410 => Finding::PostNotFound,
        405 => Finding::PostNotAllowed,
        413 => Finding::PostTooLarge,
        415 => Finding::PostMediaType,
        429 => Finding::PostLimited,
        500.. => Finding::PostServerError,
        _ => Finding::PostRefused,
    }
}

fn words(outcome: &AttemptOutcome) -> String {
    outcome.reason().unwrap_or(outcome.kind()).replace('_', " ")
}

/// Whether one of them was led elsewhere.
pub(super) fn redirect(get: &Tried, post: Option<&Tried>) -> Check {
    if !get.redirects() && !post.is_some_and(Tried::redirects) {
        return Check::new(CheckName::Redirect, Finding::RedirectNone, "Nothing was redirected.");
    }
    let only_get = post.is_some_and(|post| !post.redirects());
    let (finding, text) = if only_get {
        (Finding::RedirectOnlyGet, "Only GET is redirected; deliveries are not.")
    } else {
        (Finding::RedirectFound, "The receiver redirects.")
    };
    let check = Check::new(CheckName::Redirect, finding, text);
    match &get.location {
        Some(location) => {
            check.showing(Detail::Location(location.chars().take(LOCATION_CHARS_MAX).collect()))
        }
        None => check,
    }
}

/// How long the receiver took, by the POST or, without one, the GET.
pub(super) fn time(get: &Tried, post: Option<&Tried>, timeout: Duration) -> Check {
    let (what, tried) = post.map_or(("GET", get), |post| ("POST", post));
    let (took, allowed) = (tried.duration.as_millis(), timeout.as_secs_f64());
    let timed_out = matches!(tried.outcome, AttemptOutcome::Timeout { .. });
    let (finding, text) = if timed_out || tried.duration > timeout {
        (
            Finding::TimeOver,
            format!("{what} was not answered within {took} ms; an attempt may take {allowed} s."),
        )
    } else if tried.duration > SLOW {
        (Finding::TimeSlow, format!("{what} took {took} ms; an attempt may take {allowed} s."))
    } else {
        (Finding::TimeQuick, format!("{what} took {took} ms; an attempt may take {allowed} s."))
    };
    Check::new(CheckName::Time, finding, text).took(tried.duration)
}
