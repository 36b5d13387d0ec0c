//! The one table of findings: their stable words, how bad each is, and what to do about it.

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// As it should be.
    Ok,
    /// Not tried.
    Skipped,
    /// Worth knowing.
    Note,
    /// Deliveries work, but not well or not for long.
    Warning,
    /// Deliveries fail.
    Failed,
}

impl Status {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($name:ident = $word:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type {
            $(#[doc = concat!("`", $word, "`.")] $name,)*
        }

        impl $type {
            /// Every one, in the order of a report.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word used in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

words! {
    /// What is looked at.
    CheckName {
        Url = "url";
        Dns = "dns";
        Tcp = "tcp";
        Tls = "tls";
        CertificateChain = "certificate_chain";
        CertificateName = "certificate_name";
        CertificateExpiry = "certificate_expiry";
        Get = "get";
        Post = "post";
        Redirect = "redirect";
        Time = "time";
        WebhookStatus = "status";
        Rate = "rate";
        Breaker = "breaker";
        Backlog = "backlog";
        Errors = "errors";
    }
}

macro_rules! findings {
    ($($name:ident = $code:literal, $status:ident, $advice:literal;)*) => {
        /// What a check found. The words are stable: programs compare them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Finding {
            $(#[doc = concat!("`", $code, "`.")] $name,)*
        }

        impl Finding {
            /// Every finding.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable word.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// How bad it is.
            pub const fn status(self) -> Status {
                match self { $(Self::$name => Status::$status,)* }
            }

            /// What to do; nothing when there is nothing to do.
            pub const fn advice(self) -> Option<&'static str> {
                let advice = match self { $(Self::$name => $advice,)* };
                if advice.is_empty() { None } else { Some(advice) }
            }
        }
    };
}

findings! {
    NotTried = "not_tried", Skipped, "";

    UrlAccepted = "url_accepted", Ok, "";
    UrlRefused = "url_refused", Failed,
        "Use a public https address. Where the receiver is meant to be private, the operator can allow its network (outbound.allow) and plain http (outbound.http).";

    DnsNotNeeded = "dns_not_needed", Skipped, "";
    DnsFound = "dns_found", Ok, "";
    DnsSomeRefused = "dns_some_refused", Warning,
        "Some addresses of the name are never dialled. Remove the private ones from its public records, so that every attempt has all addresses to choose from.";
    DnsRefused = "dns_refused", Failed,
        "The name leads only to addresses that are never dialled. Publish a public address for it, or ask the operator to allow its network (outbound.allow).";
    DnsNotFound = "dns_not_found", Failed,
        "The name has no address. Check the spelling of the URL and the name's A and AAAA records; a record made a moment ago is seen after 30 seconds.";
    DnsFailed = "dns_failed", Failed,
        "The name servers failed. Check the name's delegation and DNSSEC, and the resolver of the machine that Stentor runs on.";
    DnsTimedOut = "dns_timed_out", Failed,
        "The name servers did not answer in time. Check that all of them are up and reachable.";

    TcpConnected = "tcp_connected", Ok, "";
    TcpRefused = "tcp_refused", Failed,
        "Nothing listens there. Check that the service runs, that the port in the URL is right and that the load balancer has a healthy instance.";
    TcpUnreachable = "tcp_unreachable", Failed,
        "There is no way to the address. Check routing, and whether the receiver has an address of a family (IPv4, IPv6) that this gateway can use.";
    TcpTimedOut = "tcp_timed_out", Failed,
        "The connection was not answered: most often a firewall drops it. Allow the gateway's addresses (GET /v1/egress).";
    TcpClosed = "tcp_closed", Failed,
        "The connection was closed while it was opened. Look at the load balancer or firewall in front of the service.";
    ProxyFailed = "proxy_failed", Failed,
        "The operator's egress proxy could not be reached or refused to connect. The operator checks outbound.proxy and the proxy's rules.";

    TlsEstablished = "tls_established", Ok, "";
    TlsNotUsed = "tls_not_used", Warning,
        "The URL is plain http: everybody on the way can read and change what is sent. Use https.";
    TlsCertificateRefused = "tls_certificate_refused", Failed,
        "The server's certificate was refused; the checks of the certificate below say why.";
    TlsFailed = "tls_failed", Failed,
        "The server does not speak TLS on this port, or no version and cipher that both know: TLS 1.2 with ECDHE and AEAD, or TLS 1.3, is needed.";
    TlsClosed = "tls_closed", Failed,
        "The server closed the connection during the handshake. Check that it serves this name (SNI) and does not ask for a client certificate.";
    TlsTimedOut = "tls_timed_out", Failed,
        "The handshake was not finished in time. Check the load on the server and that the port speaks TLS.";

    ChainTrusted = "chain_trusted", Ok, "";
    ChainSelfSigned = "chain_self_signed", Failed,
        "The certificate is signed by itself, so nobody vouches for it. Install one of a public authority.";
    ChainUnknownIssuer = "chain_unknown_issuer", Failed,
        "The issuer is not known. Most often the server does not send its intermediate certificates: install the full chain. One of a private authority must be replaced by one of a public authority.";
    ChainExpired = "chain_expired", Failed,
        "A certificate between the server's and the authority's has expired. Install the authority's current chain.";
    ChainInvalid = "chain_invalid", Failed,
        "The chain does not hold. Have the certificate issued again and install the full chain.";
    NameMatches = "name_matches", Ok, "";
    NameWrong = "name_wrong", Failed,
        "The certificate is for other names. Use one of these in the URL, or have a certificate issued for the name in the URL.";
    ExpiryFar = "expiry_far", Ok, "";
    ExpirySoon = "expiry_soon", Warning,
        "The certificate expires soon and deliveries fail from then on. Renew it, and let it be renewed by itself.";
    ExpiryPassed = "expiry_passed", Failed,
        "The certificate has expired. Renew it, and let it be renewed by itself.";
    ExpiryNotYet = "expiry_not_yet", Failed,
        "The certificate is not valid yet. Check the clock of the machine that issued it.";
    CertificateUnreadable = "certificate_unreadable", Failed,
        "The certificate cannot be read. Have it issued again.";

    GetAnswered = "get_answered", Ok, "";
    GetNotForGet = "get_not_for_get", Note, "";
    GetRefused = "get_refused", Note,
        "The GET was refused. That is fine when only POST is meant to work; otherwise check the path of the URL.";
    GetNotFound = "get_not_found", Warning,
        "The path was not found by GET, and POST was not tried. Check the path, or diagnose with webhook_id, or with secret and profile.";
    GetRedirected = "get_redirected", Note, "";
    GetServerError = "get_server_error", Warning,
        "The service answered with an error of its own. Look at its log and health.";
    GetFailed = "get_failed", Failed,
        "There was no answer that is HTTP. Check that the port speaks HTTP and that nothing in between cuts the connection.";
    GetTimedOut = "get_timed_out", Failed,
        "There was no answer in time. Check the load on the service.";

    PostAccepted = "post_accepted", Ok, "";
    PostNotPossible = "post_not_possible", Skipped,
        "A signed POST needs webhook_id, or secret and profile.";
    PostUnauthorized = "post_unauthorized", Failed,
        "The receiver did not accept the signature or lacks a credential. Compare the signing secret, check that it verifies the raw body and that its clock is right; credentials of its own go into the webhook's headers.";
    PostNotFound = "post_not_found", Failed,
        "The path does not exist. Check the URL of the webhook, whether it has changed, and that the service is deployed.";
    PostNotAllowed = "post_not_allowed", Failed,
        "The path takes no POST. Register the receiver's route for POST, and mind a trailing slash.";
    PostTooLarge = "post_too_large", Failed,
        "The receiver takes no body of this size. Raise its limit or publish less data.";
    PostMediaType = "post_media_type", Failed,
        "The receiver does not take application/json, or reads it before it gets to the handler. Check its body parser.";
    PostLimited = "post_limited", Failed,
        "The receiver limits how often it is called. Set limits.rate or limits.concurrency of the webhook to what it can take.";
    PostRedirected = "post_redirected", Failed,
        "Redirects are never followed, because they would lead a signed request elsewhere. See the check of the redirect.";
    PostRefused = "post_refused", Failed,
        "The receiver refused the request. Its answer and its log say why; it should answer 2xx as soon as it has noted the event.";
    PostServerError = "post_server_error", Failed,
        "The receiver failed. Look at its log; it should answer 2xx as soon as it has noted the event and work on it afterwards.";
    PostFailed = "post_failed", Failed,
        "There was no answer that is HTTP. Check that nothing in between cuts the connection or inspects bodies.";
    PostTimedOut = "post_timed_out", Failed,
        "There was no answer in time. Answer 2xx at once and work on the event afterwards, in the background; send less data; shorten the way to the receiver.";
    PostUnsendable = "post_unsendable", Failed,
        "The request could not be made from this profile and this event.";

    RedirectNone = "redirect_none", Ok, "";
    RedirectOnlyGet = "redirect_only_get", Note, "";
    RedirectFound = "redirect_found", Failed,
        "Redirects are never followed. Put the address that it leads to into the URL of the webhook.";

    TimeQuick = "time_quick", Ok, "";
    TimeSlow = "time_slow", Warning,
        "The receiver is slow, so that less is sent to it at a time. Answer 2xx at once and work on the event afterwards, in the background.";
    TimeOver = "time_over", Failed,
        "The receiver needs longer than an attempt may take. Answer 2xx at once and work on the event afterwards, in the background.";

    WebhookActive = "webhook_active", Ok, "";
    WebhookPaused = "webhook_paused", Warning,
        "The webhook is paused: what comes is held. Set active to true to go on.";
    WebhookDisabled = "webhook_disabled", Failed,
        "The webhook was disabled because it kept failing: what comes is held. Repair the receiver, then set active to true.";
    RateFree = "rate_free", Ok, "";
    RateWaiting = "rate_waiting", Note,
        "The limit of the webhook is used up, so what waits goes out later. Raise limits.rate if the receiver can take more.";
    BreakerClosed = "breaker_closed", Ok, "";
    BreakerOpen = "breaker_open", Warning,
        "The webhook fails or is slow, so that it has few requests at a time. It recovers with the first quick successes.";
    BacklogNone = "backlog_none", Ok, "";
    BacklogSome = "backlog_some", Note, "";
    BacklogLarge = "backlog_large", Warning,
        "Much is waiting. Let the receiver answer faster, raise the limits of the webhook, or cancel what is not needed.";
    ErrorsNone = "errors_none", Ok, "";
    ErrorsRecent = "errors_recent", Warning,
        "Deliveries failed lately; their outcome and reason say how.";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn words_are_unique_and_what_is_bad_comes_with_advice() {
        let codes: HashSet<_> = Finding::ALL.iter().map(|finding| finding.code()).collect();
        assert_eq!(codes.len(), Finding::ALL.len());
        let checks: HashSet<_> = CheckName::ALL.iter().map(|check| check.as_str()).collect();
        assert_eq!(checks.len(), CheckName::ALL.len());
        for finding in Finding::ALL {
            let bad = finding.status() >= Status::Warning;
            assert!(!bad || finding.advice().is_some(), "{}", finding.code());
        }
    }
}
