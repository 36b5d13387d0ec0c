//! From the engine's refusals to answers.

use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::ALLOW;
use stentor_core::basic_auth::BasicRefusal;
use stentor_engine::ingest::IngestRefusal;

use super::answer;
use crate::http::problem::{Code, Problem};

/// An answer of refusal, and what is recorded of it.
pub(super) struct Refusal {
    pub(super) response: Response,
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) hidden: bool,
}

/// The same for an id that is none.
pub(super) fn unknown_source() -> Problem {
    Problem::new(Code::NotFound, "There is no source at this address; check the id in the URL.")
}

/// The answer to a method that no source takes, whatever its source.
pub(super) fn wrong_method() -> Response {
    let detail = "A source takes POST, PUT, PATCH and DELETE, and what providers ask with GET and OPTIONS.";
    let mut response = Problem::new(Code::MethodNotAllowed, detail).into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("DELETE, GET, OPTIONS, PATCH, POST, PUT"));
    response
}

impl Refusal {
    fn of(problem: Problem) -> Self {
        let code = problem.code().as_str();
        let detail = problem.detail().to_owned();
        Self { response: problem.into_response(), code, detail, hidden: false }
    }

    fn of_engine(refusal: IngestRefusal) -> Self {
        let text = refusal.to_string();
        let with = |code| Self::of(Problem::new(code, text.clone()));
        match refusal {
            IngestRefusal::UnknownCredential => with(Code::UnknownCredentials),
            IngestRefusal::UnknownSource => Self::of(unknown_source()),
            IngestRefusal::Inactive => with(Code::SourceInactive),
            IngestRefusal::HttpsRequired => with(Code::HttpsRequired),
            IngestRefusal::PeerNotAllowed(_) => with(Code::SenderNotAllowed),
            IngestRefusal::NotInPlan => with(Code::IngestNotInPlan),
            IngestRefusal::TooFast(standing) => {
                let problem = Problem::new(Code::SourceRateLimited, text);
                Self::of(problem.with_retry_after(standing.reset).with_rate_limit(standing.into()))
            }
            IngestRefusal::Unproven { refusal, answer, is_hidden } => {
                let reason = refusal.code();
                let problem = Problem::new(Code::InvalidSignature, text.clone()).with_reason(reason);
                let response = match answer {
                    _ if is_hidden => answer::ok(None),
                    Some(answer) => answer::of_provider(*answer),
                    None => problem.into_response(),
                };
                Self { response, code: reason, detail: text, hidden: is_hidden }
            }
            IngestRefusal::CertificateUnavailable(_) => with(Code::CertificateUnavailable),
            IngestRefusal::ContentType(_) => with(Code::UnexpectedContentType),
            IngestRefusal::Json(error) => Self::of(error.into()),
            IngestRefusal::NotSplit(_) | IngestRefusal::HeadersTooLarge { .. } => with(Code::CannotSplit),
            IngestRefusal::Publish(error) => Self::of(error.into()),
        }
    }
}

impl From<super::Refused> for Refusal {
    fn from(refused: super::Refused) -> Self {
        match refused {
            super::Refused::Engine(refusal) => Self::of_engine(refusal),
            super::Refused::Basic(refusal) => Self::of_basic(refusal),
            super::Refused::Problem(problem) => Self::of(problem),
        }
    }
}

impl Refusal {
    fn of_basic(refusal: BasicRefusal) -> Self {
        let problem = Problem::new(Code::MalformedCredentials, refusal.to_string());
        Self::of(problem.with_reason(refusal.as_str()))
    }
}
