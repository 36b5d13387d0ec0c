//! The providers whose signatures are known.

use axum::Json;
use serde::Serialize;
use stentor_verify::provider::{Evidence, Preset, presets};
use utoipa::ToSchema;

use super::TAG;
use crate::http::extract::{CanRead, List, TenantAuth};

/// How a provider's webhooks are verified.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SourcePreset)]
pub(super) struct PresetView {
    /// For `verification.preset`.
    #[schema(example = "github")]
    name: &'static str,
    #[schema(example = "GitHub")]
    title: &'static str,
    /// What the provider calls that which `verification.secret` takes.
    secret: &'static str,
    /// Where the provider describes its webhooks.
    documentation: &'static str,
    /// How it was confirmed: `A` by the provider's own library, documentation or sample, `B` by others that agree, `C` not yet.
    #[schema(example = "A")]
    evidence: &'static str,
    /// Whether a handshake needs `verification.verify_token`.
    needs_verify_token: bool,
    /// Whether the URL is signed, so that `public_url` is needed behind a proxy that changes it.
    signs_url: bool,
}

impl From<&Preset> for PresetView {
    fn from(preset: &Preset) -> Self {
        Self {
            name: preset.name,
            title: preset.title,
            secret: preset.secret,
            documentation: preset.documentation,
            evidence: match preset.evidence {
                Evidence::A => "A",
                Evidence::B => "B",
                Evidence::C => "C",
            },
            needs_verify_token: preset.scheme.has_verify_token(),
            signs_url: preset.scheme.signs_url(),
        }
    }
}

/// List the providers whose webhooks can be verified by name.
#[utoipa::path(get, path = "/v1/source-presets", operation_id = "listSourcePresets", tag = TAG,
    security(("bearer" = ["read"])),
    responses((status = 200, description = "All of them, by name.", body = List<PresetView>)))]
pub(super) async fn list(_auth: TenantAuth<CanRead>) -> Json<List<PresetView>> {
    // `basic` means credentials of the source, not one pair that the provider was given.
    let named = presets().iter().filter(|preset| preset.name != "basic");
    Json(List::whole(named.map(PresetView::from).collect()))
}
