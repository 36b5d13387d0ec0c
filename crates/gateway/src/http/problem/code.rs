//! The one table of error codes. `docs/errors.md` and `/docs/errors` are written from it.

use std::fmt::Write as _;
use std::time::Duration;

use http::StatusCode;

/// Wait that 429 and 503 ask for when nothing better is known.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

macro_rules! codes {
    ($($name:ident = $word:literal, $status:ident, $title:literal, $advice:literal;)*) => {
        /// What kind of error an answer is. The words are stable: programs compare them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable word; also the anchor in the documentation.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The error in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it means and what to do, for the documentation.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }
        }
    };
}

codes! {
    InvalidRequest = "invalid_request", BAD_REQUEST, "The request is malformed",
        "The request breaks a rule of HTTP, such as carrying both Content-Length and Transfer-Encoding, or a header has a value that cannot be used. Fix the client; the connection is closed when its framing cannot be trusted.";
    InvalidJson = "invalid_json", BAD_REQUEST, "The body is not JSON",
        "The body must be one JSON value (RFC 8259) in UTF-8, without BOM and comments, nested at most 128 deep. `offset` is the byte at which it goes wrong.";
    InvalidQuery = "invalid_query", BAD_REQUEST, "A query parameter is invalid",
        "`errors` names the parameter and says what is expected. Unknown parameters are refused, so that a misspelt filter does not silently list everything.";
    InvalidCursor = "invalid_cursor", BAD_REQUEST, "The cursor is invalid",
        "Pass `next_cursor` of the previous page of the same list unchanged, or none to start at the newest.";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "A token is needed",
        "Send `Authorization: Bearer <token>`. The header is missing, given twice, or of another scheme.";
    InvalidToken = "invalid_token", UNAUTHORIZED, "The token is not valid",
        "The token is unknown, revoked or expired. Create another with `POST /v1/tenants/{id}/tokens` or `POST /v1/tokens`.";
    MalformedCredentials = "malformed_credentials", UNAUTHORIZED, "The credentials cannot be read",
        "Send `Authorization: Basic` and the base64 of `username:password` in one line. `detail` names the mistake: no header, another scheme, broken base64, a newline that `echo` added (use `echo -n` or `printf %s`), no colon.";
    UnknownCredentials = "unknown_credentials", UNAUTHORIZED, "The credentials are not valid",
        "No live credential of a source has this username and password: mistyped, revoked or expired. Create another with `POST /v1/sources/{id}/credentials`.";
    InvalidSignature = "invalid_signature", UNAUTHORIZED, "The request does not prove its sender",
        "The signature or token that the source asks for is missing, stale or does not fit. `errors` has the exact reason as a stable `code`. Compare the secret at the provider with the source's, and make sure that no proxy changes the body.";
    HttpsRequired = "https_required", FORBIDDEN, "Credentials need https",
        "Credentials are not taken over plain http from another machine. Use https. Behind a proxy that ends TLS, name it in `http.trusted_proxies` and have it send `X-Forwarded-Proto`.";
    SourceInactive = "source_inactive", FORBIDDEN, "The source takes nothing now",
        "The source is switched off or has expired.";
    SenderNotAllowed = "sender_not_allowed", FORBIDDEN, "The source does not take requests from this address",
        "The source names the addresses and networks that may send. Behind a proxy, name that in `http.trusted_proxies`.";
    IngestNotInPlan = "ingest_not_in_plan", FORBIDDEN, "The plan does not include receiving",
        "The tenant's plan does not include the feature `ingest`. The operator defines the plans.";
    InsufficientScope = "insufficient_scope", FORBIDDEN, "The token lacks a scope",
        "`scope` names what is needed: `publish`, `read` or `manage`. Use a token that has it.";
    OperatorRequired = "operator_required", FORBIDDEN, "Only the operator may do this",
        "Tenants are managed, and chosen by `Stentor-Tenant`, only with the operator's token.";
    PlanLacksFeature = "plan_lacks_feature", FORBIDDEN, "The tenant's plan does not include this",
        "Receiving webhooks needs a plan with the feature `ingest`. The operator gives the tenant another plan with `PATCH /v1/tenants/{id}`.";
    NotFound = "not_found", NOT_FOUND, "There is nothing here",
        "The path or the id is unknown, or belongs to another tenant. With the operator's token check `Stentor-Tenant`.";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The path does not take this method",
        "`Allow` lists the methods that the path takes.";
    UnexpectedContentType = "unexpected_content_type", BAD_REQUEST, "The source takes JSON only",
        "Send `Content-Type: application/json`, with charset utf-8 or none, or set `content: any` on the source.";
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The body came too slowly",
        "A body must arrive within 30 seconds and, after the first 10, with at least 1 KiB a second. Nothing was stored.";
    NameTaken = "name_taken", CONFLICT, "The name is taken",
        "Another tenant has this name. Choose another.";
    IdTaken = "id_taken", CONFLICT, "The id is taken",
        "A conversation, or a message of the tenant, with this id exists. Read it, or choose another id or none.";
    EventTypesFull = "event_types_full", CONFLICT, "No room for more event types",
        "A tenant may declare 1 000 event types, with schemas of together 4 194 304 bytes. Delete some. Nothing was changed.";
    ConversationWebhook = "conversation_webhook", CONFLICT, "The webhook belongs to conversations",
        "It delivers the messages of all conversations with its URL and secret and is changed through them, never by itself.";
    IdempotencyKeyReused = "idempotency_key_reused", CONFLICT, "The idempotency key was used for something else",
        "Within 24 hours a key stands for one body. `event_id` is the event published with it first. Use a new key for something new.";
    RequestRunning = "request_running", CONFLICT, "The first request with the key is running",
        "A request with the same idempotency key has not been answered yet. Wait as `Retry-After` says and repeat: you get its answer.";
    OutcomeUnknown = "outcome_unknown", CONFLICT, "What became of the first request is not known",
        "The request that used the idempotency key first was cut off by a crash or a fault of the server. It is not carried out a second time. Read what it was about, and repeat it with a new key if it did nothing.";
    ChangedMeanwhile = "changed_meanwhile", CONFLICT, "Others keep changing this",
        "Read it again and repeat the change.";
    NotPending = "not_pending", CONFLICT, "The delivery has ended",
        "A delivery that was delivered, given up or cancelled cannot be cancelled. Use retry or replay to send it again.";
    InBatch = "in_batch", CONFLICT, "The delivery stays in its batch",
        "It was attempted together with others, or is right now, and is retried with them until all are delivered or given up. A delivery leaves its batch only before the first attempt.";
    TooManySecrets = "too_many_secrets", CONFLICT, "Too many signing secrets overlap",
        "At most 8 secrets of a webhook or source may overlap. Wait until an older one has expired, or rotate with a shorter `overlap`.";
    TooManySources = "too_many_sources", CONFLICT, "The tenant has too many sources",
        "A tenant has at most 1 000 sources. Delete some.";
    TooManyCredentials = "too_many_credentials", CONFLICT, "The source has too many credentials",
        "A source has at most 1 000 credentials that work. Revoke those that are not used; `last_used_at` tells.";
    NoCredentials = "no_credentials", CONFLICT, "The source has no credentials",
        "Only a source with the verification `basic` has credentials; the requests of others are verified in another way, or not at all.";
    NoSecrets = "no_secrets", CONFLICT, "The source has no secret",
        "Requests to a source with the verification `basic` or `none` are not verified with a secret. Make credentials, or change `verification`.";
    TooManyRoutes = "too_many_routes", CONFLICT, "The tenant has too many routes",
        "A tenant has at most 200 routes. Delete or join some.";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large",
        "Events may have up to 10 485 760 bytes, configuration up to 262 144. Nothing was stored.";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be application/json",
        "Send `Content-Type: application/json` (charset utf-8 only).";
    UnsupportedEncoding = "unsupported_encoding", UNSUPPORTED_MEDIA_TYPE, "The body must not be compressed",
        "Send the body without `Content-Encoding`.";
    InvalidBody = "invalid_body", UNPROCESSABLE_ENTITY, "The body breaks a rule",
        "`errors` lists each broken rule: a JSON Pointer to the place, what is expected and, for some rules, a stable `code`.";
    SchemaMismatch = "schema_mismatch", UNPROCESSABLE_ENTITY, "The data does not fit the schema of its type",
        "The tenant refuses events whose data does not fit. `errors` lists up to 20 places, as JSON Pointers into the event. Read the schema with `GET /v1/event-types/{name}`. Nothing was stored.";
    UndeclaredEventType = "undeclared_event_type", UNPROCESSABLE_ENTITY, "The event type is not declared",
        "The tenant takes only events of declared types that are not archived. Declare it with `PUT /v1/event-types/{name}`. Nothing was stored.";
    TooManyMatches = "too_many_matches", UNPROCESSABLE_ENTITY, "The event matches too many webhooks",
        "One event may go to at most 1 000 webhooks. Narrow the event types of the webhooks. Nothing was stored.";
    CannotSplit = "cannot_split", UNPROCESSABLE_ENTITY, "The body cannot be split into events",
        "The source has `split: array`: send a JSON array of 1 to 1 000 elements, which with all their deliveries fit in one commit of 4 096 rows and whose kept headers fit in 4 MiB. `detail` says what does not. Nothing was stored.";
    TenantBusy = "tenant_busy", TOO_MANY_REQUESTS, "The tenant has too much waiting to be stored",
        "Wait as `Retry-After` says and repeat with the same idempotency key. Nothing was stored.";
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "The tenant publishes too fast",
        "The tenant's plan allows so many events a second and so many at once. Wait as `Retry-After` says and repeat with the same idempotency key; `RateLimit-Remaining` tells how many more may follow. Nothing was stored.";
    SourceRateLimited = "source_rate_limited", TOO_MANY_REQUESTS, "The source is sent too much",
        "The source takes so many requests in a period. Wait as `Retry-After` says; `RateLimit-Remaining` tells how many more may follow. Nothing was stored.";
    BacklogFull = "backlog_full", TOO_MANY_REQUESTS, "The tenant has too many deliveries pending",
        "The tenant's plan allows so many pending deliveries, held ones included. Wait until receivers have taken some, resume or delete webhooks that hold many, and repeat with the same idempotency key. Nothing was stored.";
    QuotaExceeded = "quota_exceeded", TOO_MANY_REQUESTS, "The tenant's quota is used up",
        "The tenant's plan allows so many events a day or month. `Retry-After` tells when the next period begins; `GET /v1/usage` shows the use. Nothing was stored.";
    TooManyWrongTokens = "too_many_wrong_tokens", TOO_MANY_REQUESTS, "Too many wrong tokens came from this address",
        "After some wrong tokens an address has to wait before the next one is looked at: 1 second, then twice as long each time, up to 60. Tokens that worked before go on working meanwhile. Check the token.";
    TooManyTests = "too_many_tests", TOO_MANY_REQUESTS, "Too many tests are on their way",
        "At most 8 test sends and 2 diagnoses of a tenant, and 32 and 16 of all together, are on their way at once. Wait until one has been answered.";
    TooManyBacktests = "too_many_backtests", TOO_MANY_REQUESTS, "Too many backtests are running",
        "At most 2 backtests run at once. Wait as `Retry-After` says and repeat.";
    CertificateUnavailable = "certificate_unavailable", SERVICE_UNAVAILABLE, "The sender's certificate could not be fetched",
        "The provider signs with a certificate that has to be fetched from it, and that did not work now. Let the provider repeat the request. Nothing was stored.";
    TooManyStreams = "too_many_streams", TOO_MANY_REQUESTS, "Too many streams are open",
        "At most 100 streams of a tenant, and 2 000 of all together, may be open at once. Close one that nobody watches.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something failed on our side",
        "The server's log has the cause under `error_id`.";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Too many large requests at once",
        "The bodies of the requests under way fill the memory that is set aside for them. Wait as `Retry-After` says and repeat. Nothing was stored.";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Not available now",
        "The database does not answer or the server is stopping. Wait as `Retry-After` says and repeat with the same idempotency key: what was stored is not stored twice.";
}

impl Code {
    /// `WWW-Authenticate` of the answer (RFC 6750 section 3).
    pub const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::Unauthenticated => Some("Bearer realm=\"stentor\""),
            Self::MalformedCredentials | Self::UnknownCredentials => {
                Some("Basic realm=\"stentor\", charset=\"UTF-8\"")
            }
            Self::InvalidToken => Some("Bearer realm=\"stentor\", error=\"invalid_token\""),
            _ => None,
        }
    }

    /// `Retry-After` of the answer when its maker knows nothing better.
    pub fn retry_after(self) -> Option<Duration> {
        let status = self.status();
        if matches!(self, Self::RequestRunning) {
            return Some(RETRY_AFTER_DEFAULT);
        }
        let asks = status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
        asks.then_some(RETRY_AFTER_DEFAULT)
    }

    /// The table as the Markdown page `docs/errors.md`.
    pub fn markdown() -> String {
        let mut page = String::from(
            "# Errors\n\nEvery error answer is `application/problem+json` (RFC 9457): `type`, `title`, `status`, `code`, `detail`, and members \
             that a code adds. Programs compare `code`; texts may change. This page is written from the table in \
             `crates/gateway/src/http/problem/code.rs`.\n",
        );
        for code in Self::ALL {
            let status = code.status();
            let (word, title, advice) = (code.as_str(), code.title(), code.advice());
            write!(page, "\n## {word}\n\n{} · {title}\n\n{advice}\n", status.as_u16())
                .expect("writing to a String");
        }
        page
    }
}
