//! What has a state is shown by a shape, a word and a colour together.

/// A state as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    /// Its word.
    pub(super) word: &'static str,
    /// The symbol of the shape.
    pub(super) shape: &'static str,
    /// The name of the colour.
    pub(super) tone: &'static str,
}

const fn status(word: &'static str, shape: &'static str, tone: &'static str) -> Status {
    Status { word, shape, tone }
}

impl Status {
    /// Of a delivery.
    pub(super) fn of_delivery(state: &str) -> Self {
        match state {
            "delivered" => status("delivered", "s-full", "ok"),
            "pending" => status("pending", "s-ring", "plain"),
            "held" => status("held", "s-pause", "warn"),
            "dead" => status("dead", "s-cross", "bad"),
            _ => status("cancelled", "s-dash", "plain"),
        }
    }

    /// Of a webhook, by its own status and how it does.
    pub(super) fn of_webhook(own: &str, health: &str) -> Self {
        match (own, health) {
            ("paused", _) => status("paused", "s-pause", "warn"),
            ("disabled", _) => status("disabled", "s-cross", "bad"),
            (_, "degraded") => status("degraded", "s-half", "warn"),
            (_, "healthy") => status("healthy", "s-full", "ok"),
            _ => status("no data", "s-ring", "plain"),
        }
    }

    /// Of an attempt, by its outcome.
    pub(super) fn of_attempt(outcome: &str) -> Self {
        match outcome {
            "delivered" => status("delivered", "s-full", "ok"),
            "refused" => status("refused", "s-cross", "bad"),
            "timeout" => status("timed out", "s-cross", "bad"),
            "network" => status("network error", "s-cross", "bad"),
            "blocked" => status("address blocked", "s-cross", "bad"),
            _ => status("could not be sent", "s-cross", "bad"),
        }
    }

    /// Of a request to a source.
    pub(super) fn of_request(outcome: &str) -> Self {
        match outcome {
            "accepted" => status("accepted", "s-full", "ok"),
            "duplicate" => status("duplicate", "s-ring", "plain"),
            "challenge" => status("challenge", "s-ring", "plain"),
            _ => status("refused", "s-cross", "bad"),
        }
    }

    /// Of something that is on or off.
    pub(super) const fn of_active(active: bool) -> Self {
        if active { status("active", "s-full", "ok") } else { status("off", "s-pause", "plain") }
    }
}

/// Why an attempt failed, in words: `answers 503`.
pub(super) fn cause(outcome: &str, reason: Option<&str>, answered: Option<u16>) -> String {
    match (outcome, answered, reason) {
        (_, Some(status), _) => format!("answers {status}"),
        ("timeout", _, Some("connect")) => "does not accept connections in time".into(),
        ("timeout", _, _) => "does not answer in time".into(),
        ("network", _, Some("name_not_found")) => "has a host name that does not resolve".into(),
        ("network", _, Some("connection_refused")) => "refuses connections".into(),
        ("network", _, Some("connection_closed")) => "closes the connection without an answer".into(),
        ("network", _, Some("certificate")) => "has a certificate that cannot be trusted".into(),
        ("network", _, Some(reason)) => format!("cannot be reached: {}", reason.replace('_', " ")),
        ("network", _, None) => "cannot be reached".into(),
        ("blocked", _, _) => "has an address that may not be dialled".into(),
        (_, _, Some(reason)) => format!("gets nothing: {}", reason.replace('_', " ")),
        (_, _, None) => "gets nothing".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_states_look_alike_without_colour() {
        let deliveries = ["delivered", "pending", "held", "dead", "cancelled"].map(Status::of_delivery);
        let webhooks = [
            ("active", "healthy"),
            ("active", "degraded"),
            ("paused", "healthy"),
            ("disabled", "healthy"),
            ("active", "no_data"),
        ];
        let webhooks = webhooks.map(|(own, health)| Status::of_webhook(own, health));
        for shown in [deliveries, webhooks] {
            let shapes: std::collections::HashSet<_> = shown.iter().map(|status| status.shape).collect();
            let words: std::collections::HashSet<_> = shown.iter().map(|status| status.word).collect();
            assert_eq!((shapes.len(), words.len()), (shown.len(), shown.len()), "{shown:?}");
        }
    }

    #[test]
    fn causes_are_sentences_about_the_webhook() {
        assert_eq!(cause("refused", None, Some(503)), "answers 503");
        assert_eq!(cause("network", Some("connection_refused"), None), "refuses connections");
        assert_eq!(cause("timeout", Some("response"), None), "does not answer in time");
    }
}
