//! Every bound that the product promises, in one place, with its unit in the name.

/// Longest event type, in characters (readings: event types are 1-128 of `[A-Za-z0-9_.:/-]`).
pub const EVENT_TYPE_CHARS_MAX: usize = 128;
/// Largest body accepted on publish and ingest, in bytes: 10 485 760 pass, one more is refused (readings 000, 001).
pub const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Deepest nesting of a JSON body (reliability S12).
pub const JSON_DEPTH_MAX: usize = 128;
/// Most events in one batch request.
pub const BATCH_EVENTS_MAX: usize = 1_000;
/// Most event patterns of one webhook.
pub const PATTERNS_MAX: usize = 100;
/// Most webhooks that one event may match by default; more is refused (engine rule E10).
pub const MATCHED_WEBHOOKS_MAX: usize = 1_000;
/// Longest subject of an event, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 256;
/// Longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 256;
/// Largest metadata object of an event or webhook, in bytes of JSON.
pub const METADATA_BYTES_MAX: usize = 8 * 1024;
/// Longest name or description, in bytes.
pub const TEXT_BYTES_MAX: usize = 1_024;
/// Shortest and longest total time of one attempt, in seconds (readings, "over the wire").
pub const TIMEOUT_SECONDS: std::ops::RangeInclusive<u64> = 1..=120;
/// Most webhooks in a row that give what they give up to the next one.
pub const FALLBACKS_MAX: usize = 10;
/// Most attempts a schedule may hold.
pub const ATTEMPTS_MAX: usize = 50;
/// Longest single wait of a schedule, in seconds (7 days).
pub const WAIT_SECONDS_MAX: u64 = 7 * 24 * 3_600;
/// Largest concurrency of one webhook: requests in flight.
pub const CONCURRENCY_MAX: u32 = 1_000;
/// Shortest and longest caller-set signing secret, in bytes.
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 8..=512;
/// Most signing secrets of one webhook that may overlap.
pub const SECRETS_MAX: usize = 8;
/// Response bytes read from a receiver before the connection is dropped (reliability S28).
pub const RESPONSE_READ_BYTES_MAX: usize = 64 * 1024;
/// Response bytes stored with an attempt (reliability S28).
pub const RESPONSE_STORED_BYTES_MAX: usize = 16 * 1024;
/// Rows of one list page: default and most.
pub const PAGE_ROWS_DEFAULT: u32 = 50;
/// Most rows of one list page.
pub const PAGE_ROWS_MAX: u32 = 250;
/// Fewest and most events of one batch that is sent.
pub const BATCH_SIZE: std::ops::RangeInclusive<u32> = 2..=1_000;
/// Longest wait for a batch, in seconds.
pub const BATCH_TIMEOUT_SECONDS_MAX: u64 = 3_600;
/// Smallest and largest bound of a batch's body, in bytes.
pub const BATCH_BODY_BYTES: std::ops::RangeInclusive<u32> = 1_024..=4 * 1024 * 1024;
/// That bound when none is given: Express refuses more by default (readings 003).
pub const BATCH_BODY_BYTES_DEFAULT: u32 = 100_000;
/// Largest filter of a webhook or route: `filters` and `conditions` together, in bytes of JSON.
pub const FILTER_BYTES_MAX: usize = 16 * 1024;
/// Most tests of one filter.
pub const FILTER_TESTS_MAX: usize = 100;
/// Most values that the tests of one filter compare with, all together.
pub const FILTER_VALUES_MAX: usize = 1_000;
/// Deepest nesting of a filter.
pub const FILTER_DEPTH_MAX: usize = 16;
/// Most steps of a path in a filter.
pub const FILTER_PATH_STEPS_MAX: usize = 32;
/// Longest path in a filter, in bytes.
pub const FILTER_PATH_BYTES_MAX: usize = 512;
/// Most regular expressions of one filter.
pub const FILTER_PATTERNS_MAX: usize = 10;
/// Longest regular expression, in bytes.
pub const FILTER_PATTERN_BYTES_MAX: usize = 1_024;
/// Largest compiled regular expression, and largest cache of its states, in bytes.
pub const FILTER_PATTERN_COMPILED_BYTES_MAX: usize = 256 * 1024;
/// Longest text that a regular expression is tried on, in bytes; a longer one does not match.
pub const FILTER_MATCHED_TEXT_BYTES_MAX: usize = 64 * 1024;
/// Most values that a path selects in one event; those that follow are not looked at.
pub const FILTER_SEEN_VALUES_MAX: usize = 1_000;
/// Most routes of one tenant.
pub const ROUTES_MAX: usize = 200;
/// Most webhooks that one route sends to.
pub const ROUTE_WEBHOOKS_MAX: usize = 100;
/// Most event types that a tenant may declare.
pub const EVENT_TYPES_MAX: usize = 1_000;
/// Largest JSON Schema of an event type, in bytes.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024;
/// Most bytes that the schemas of a tenant may have together.
pub const SCHEMAS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Deepest nesting of a schema's own JSON.
pub const SCHEMA_DEPTH_MAX: usize = 32;
/// Most rules that a schema may have once every `$ref` is put in place: what checking one value may cost.
pub const SCHEMA_RULES_MAX: u64 = 5_000;
/// Largest sample of an event type, in bytes of JSON, and of its earlier state.
pub const SAMPLE_BYTES_MAX: usize = 64 * 1024;
/// Most places listed where data does not fit its schema.
pub const MISMATCHES_MAX: usize = 20;
/// Data beyond this gets only the first place listed, and is checked aside from what else runs.
pub const SCHEMA_SMALL_BYTES: usize = 64 * 1024;
/// Longest content of a message, in bytes.
pub const MESSAGE_CONTENT_BYTES_MAX: usize = 64 * 1024;
/// Longest file name, use case, workflow or person named in a conversation, in bytes.
pub const MESSAGE_TEXT_BYTES_MAX: usize = 256;
/// Most sources of one tenant.
pub const SOURCES_MAX: usize = 1_000;
/// Most live credentials of one source.
pub const CREDENTIALS_MAX: usize = 1_000;
/// For how long a source remembers what it has seen, in seconds, unless it says otherwise (seeds 003, 004: 24 hours).
pub const DEDUPE_WINDOW_SECONDS_DEFAULT: u64 = 24 * 3_600;
/// Shortest and longest time that a source remembers what it has seen, in seconds.
pub const DEDUPE_WINDOW_SECONDS: std::ops::RangeInclusive<u64> = 60..=7 * 24 * 3_600;
/// Most places where the type of an event from a source is looked for.
pub const EVENT_TYPE_PLACES_MAX: usize = 8;
/// Most addresses and networks that a source names.
pub const ALLOWED_PEERS_MAX: usize = 256;
/// Most headers that a source keeps besides those of its preset.
pub const KEPT_HEADERS_MAX: usize = 32;
/// Largest sum of names and values of the headers kept with one event, in bytes.
pub const KEPT_HEADERS_BYTES_MAX: usize = 16 * 1024;
/// Most rules or responses of a source that simulates.
pub const RESPONSES_MAX: usize = 20;
/// Largest body of one simulated response, in bytes.
pub const RESPONSE_BODY_BYTES_MAX: usize = 16 * 1024;
/// Most headers of one simulated response.
pub const RESPONSE_HEADERS_MAX: usize = 16;
/// Longest time that a simulated response is held back, in milliseconds.
pub const RESPONSE_DELAY_MS_MAX: u64 = 30_000;
/// Most secret options of a source.
pub const SECRET_OPTIONS_MAX: usize = 8;
/// Largest verification record or set of options of a source, in bytes of JSON.
pub const VERIFICATION_BYTES_MAX: usize = 8 * 1024;
/// Longest period of a source's rate, in seconds.
pub const SOURCE_RATE_PERIOD_SECONDS: std::ops::RangeInclusive<u64> = 1..=24 * 3_600;
/// Largest count of a source's rate.
pub const SOURCE_RATE_COUNT_MAX: u32 = 1_000_000;
