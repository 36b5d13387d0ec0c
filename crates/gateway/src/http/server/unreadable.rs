//! Heads that no HTTP parser reads and whose mistake is known all the same.

use stentor_core::basic_auth::{BasicRefusal, is_wrapped_in_head};

use crate::http::problem::{Code, Problem};

/// The whole answer to a head that could not be read, if its mistake is known: the seeds' `curl` line with a pair so long that
/// `base64` breaks it into lines (readings "000, 001 inbound").
pub(super) fn answer_to(head: &[u8]) -> Option<Vec<u8>> {
    if !is_wrapped_in_head(head) {
        return None;
    }
    let refusal = BasicRefusal::Wrapped;
    let problem = Problem::new(Code::MalformedCredentials, refusal.to_string()).with_reason(refusal.as_str());
    let body = serde_json::to_string(problem.body()).expect("strings and numbers serialise");
    let challenge = problem.code().challenge().unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-type: application/problem+json\r\nwww-authenticate: {challenge}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        problem.status(),
        body.len()
    );
    Some((head + &body).into_bytes())
}
