//! The OpenAPI 3.1 document. Paths come from the handlers; what holds for all of them is added here.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Content, Info, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::http::problem::{Code, FieldError, ProblemBody};
use crate::http::{api, ingest, repeats};

/// The name of the security scheme.
const BEARER: &str = "bearer";
/// The header that makes repeats safe.
const KEY_HEADER: &str = "Idempotency-Key";

/// The whole document, as served and as committed in `openapi.json`.
pub fn document() -> OpenApi {
    let (_, mut document) = api::router().split_for_parts();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(BEARER, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    for (name, schema) in
        [(ProblemBody::name(), ProblemBody::schema()), (FieldError::name(), FieldError::schema())]
    {
        components.schemas.insert(name.into_owned(), schema);
    }
    for (path, item) in &mut document.paths.paths {
        let posts = item.post.as_ref().and_then(|post| post.operation_id.clone());
        for operation in operations(item) {
            let is_post = operation.operation_id == posts && posts.is_some();
            complete(path, operation, is_post);
        }
    }
    ingest::describe(&mut document);
    document
}

/// The document without paths.
pub fn frame() -> OpenApi {
    let mut info = Info::new("Stentor", env!("CARGO_PKG_VERSION"));
    info.description = Some(include_str!("openapi/description.md").trim().to_owned());
    OpenApiBuilder::new().info(info).build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten()
}

/// Adds the answers that the extractors give, by what the operation takes. Which token it needs, it says itself:
/// `security(("bearer" = ["read"]))` names the scope, `operator` the operator's token.
fn complete(path: &str, operation: &mut Operation, posts: bool) {
    if !path.starts_with("/v1/") {
        return;
    }
    let takes_key = posts && repeats::takes_key(path);
    if takes_key {
        document_key(operation);
    }
    let takes = |place: &ParameterIn| {
        let parameters = operation.parameters.iter().flatten();
        parameters
            .into_iter()
            .any(|each| matches!(each, RefOr::T(parameter) if parameter.parameter_in == *place))
    };
    let mut codes = vec![
        Code::Unauthenticated,
        Code::InsufficientScope,
        Code::TooManyWrongTokens,
        Code::Internal,
        Code::Unavailable,
    ];
    if takes(&ParameterIn::Path) {
        codes.push(Code::NotFound);
    }
    if takes(&ParameterIn::Query) {
        codes.push(Code::InvalidQuery);
    }
    if operation.request_body.is_some() {
        codes.extend([
            Code::InvalidJson,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::InvalidBody,
        ]);
    }
    if takes_key {
        codes.push(Code::IdempotencyKeyReused);
    }
    for code in codes {
        let status = code.status().as_u16().to_string();
        operation.responses.responses.entry(status).or_insert_with(|| RefOr::T(problem_answer(code)));
    }
}

/// The header `Idempotency-Key`, unless the operation documents it itself.
fn document_key(operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    let own = |each: &RefOr<Parameter>| matches!(each, RefOr::T(parameter) if parameter.name == KEY_HEADER);
    if parameters.iter().any(own) {
        return;
    }
    let description =
        "A repeat with the same key and body within 24 hours gets the first answer and does nothing";
    parameters.push(RefOr::T(
        ParameterBuilder::new()
            .name(KEY_HEADER)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(description))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build(),
    ));
}

/// The documentation of an error answer; other codes of the same status share it.
pub fn problem_answer(code: Code) -> Response {
    let schema = Ref::from_schema_name(ProblemBody::name());
    ResponseBuilder::new()
        .description(code.title())
        .content("application/problem+json", Content::new(Some(schema)))
        .build()
}

#[cfg(test)]
mod tests;
