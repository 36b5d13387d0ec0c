//! The front door in the API's document. Its routes take any body and answer what a source says, so they are described here
//! as a whole and not by the types of handlers.

use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Required, ResponseBuilder};

use crate::http::openapi::problem_answer;
use crate::http::problem::Code;

const TAG: &str = "receiving";
/// The security scheme of credentials.
const BASIC: &str = "basic";

/// The method, the name of the operation, and what it is for.
const BY_ID: [(HttpMethod, &str, &str); 6] = [
    (HttpMethod::Post, "receive", "Send a webhook to a source"),
    (HttpMethod::Put, "receivePut", "Send a webhook to a source with PUT"),
    (HttpMethod::Patch, "receivePatch", "Send a webhook to a source with PATCH"),
    (HttpMethod::Delete, "receiveDelete", "Send a webhook to a source with DELETE"),
    (HttpMethod::Get, "answerHandshake", "Ask a source for the answer to a provider's handshake"),
    (
        HttpMethod::Options,
        "answerAbuseProtection",
        "Ask a source whether it takes webhooks, as CloudEvents has it",
    ),
];

/// Adds the routes.
pub fn describe(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(BASIC, SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
    let by_credentials = operation("receiveByCredentials", "Send JSON with the credentials of a source")
        .security(SecurityRequirement::new(BASIC, Vec::<String>::new()));
    let by_credentials = with_body(by_credentials).build();
    document.paths.add_path_operation("/", vec![HttpMethod::Post], by_credentials);
    for (method, name, summary) in BY_ID {
        let id = ParameterBuilder::new()
            .name("source_id")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("`src_…`"))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        let takes_body = !matches!(method, HttpMethod::Get | HttpMethod::Options);
        let operation = operation(name, summary).parameter(id).security(SecurityRequirement::default());
        let operation = if takes_body { with_body(operation) } else { operation };
        document.paths.add_path_operation("/in/{source_id}", vec![method], operation.build());
    }
}

fn operation(name: &str, summary: &str) -> OperationBuilder {
    let stored = ResponseBuilder::new().description(
        "`{\"status\": \"ok\", \"id\": \"evt_…\"}` once the event is stored, `already_processed` for a repetition, or what the source or its provider wants",
    );
    let refusals = [
        Code::InvalidJson,
        Code::MalformedCredentials,
        Code::HttpsRequired,
        Code::NotFound,
        Code::RequestTimeout,
        Code::IdempotencyKeyReused,
        Code::BodyTooLarge,
        Code::UnsupportedEncoding,
        Code::CannotSplit,
        Code::SourceRateLimited,
        Code::Internal,
        Code::Unavailable,
    ];
    let operation = OperationBuilder::new()
        .operation_id(Some(name))
        .tag(TAG)
        .summary(Some(summary))
        .response("200", stored.build());
    refusals
        .into_iter()
        .fold(operation, |operation, code| operation.response(code.status().as_str(), problem_answer(code)))
}

/// Bytes of any kind.
fn with_body(operation: OperationBuilder) -> OperationBuilder {
    let anything = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
    let body = RequestBodyBuilder::new()
        .description(Some("At most 10 485 760 bytes; JSON, unless the source takes other bodies"))
        .content("application/json", Content::new(Some(anything)))
        .build();
    operation.request_body(Some(body))
}
