//! Event types at publishing: whether an event's type is declared and its data fits, and what samples say of them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use stentor_core::catalogue::Catalogue;
use stentor_core::event::{EventType, Origin};
use stentor_core::event_type::{DeclaredType, Mismatch, TypeRules, Validation};
use stentor_core::id::TenantId;
use stentor_core::limits::SCHEMA_SMALL_BYTES;
use stentor_core::profile::Profile;
use stentor_core::sample;
use stentor_core::schema::{Schema, SchemaRefusal};
use stentor_core::time::Time;
use stentor_store::StoreError;
use stentor_store::event_types::{Declared, TypesDeclared, TypesInForce};

use crate::accept::{Publish, PublishError};
use crate::directory::Known;
use crate::engine::Engine;

/// What a tenant demands of its event types, at one version of them. A schema is compiled when first needed.
#[derive(Debug, Default)]
pub struct TypeGate {
    version: u64,
    rules: TypeRules,
    types: HashMap<Box<str>, Option<Arc<LazySchema>>>,
}

#[derive(Debug)]
struct LazySchema {
    text: Box<str>,
    compiled: OnceLock<Result<Schema, SchemaRefusal>>,
}

impl LazySchema {
    fn mismatches(&self, data: &[u8]) -> Vec<Mismatch> {
        match self.compiled.get_or_init(|| Schema::compile(&self.text)) {
            Ok(schema) => schema.mismatches(data),
            // It was compiled when it was declared, by another version of us.
            Err(refusal) => {
                let detail = format!("the schema of the type cannot be used any more: {refusal}");
                vec![Mismatch { pointer: String::new(), detail }]
            }
        }
    }
}

impl TypeGate {
    /// What was read of a tenant.
    pub fn new(read: TypesInForce) -> Self {
        let lazy = |text| Arc::new(LazySchema { text, compiled: OnceLock::new() });
        let types = read.types.into_iter().map(|(name, schema)| (name.as_str().into(), schema.map(lazy)));
        Self { version: read.version, rules: read.rules, types: types.collect() }
    }

    /// The configuration version at which any of it last changed.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether events are taken as they come.
    fn is_open(&self) -> bool {
        self.rules.validation == Validation::Off && !self.rules.strict
    }
}

/// A sample of a type's data, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The data, as JSON.
    pub data: Bytes,
    /// The earlier state, as JSON.
    pub previous_data: Option<Bytes>,
    /// Where it comes from.
    pub origin: SampleOrigin,
}

/// Where a sample comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleOrigin {
    /// The type was declared with it.
    Declared,
    /// It was made from the type's schema.
    Schema,
    /// It comes with the catalogue of the webhook's profile.
    Catalogue,
    /// It says nothing of the type.
    Synthetic,
    /// The caller gave it.
    Given,
}

/// Why a type was not declared.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TypeError {
    /// Its schema is refused.
    #[error("the schema is refused at {0}")]
    Schema(SchemaRefusal),
    /// Its sample does not fit its schema.
    #[error("the sample does not fit the schema")]
    Sample(Vec<Mismatch>),
    /// The tenant would have more types than it may.
    #[error("the tenant has as many event types as it may")]
    TooMany,
    /// The tenant's schemas would be larger than they may.
    #[error("the tenant's schemas are as large together as they may be")]
    TooLarge,
    /// There is no such tenant.
    #[error("there is no such tenant")]
    UnknownTenant,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Declares a type, or declares it anew.
    ///
    /// # Errors
    /// When the schema is refused, the sample does not fit it, there is no room, or the database does not answer.
    pub async fn declare_type(
        &self,
        tenant: TenantId,
        declared: DeclaredType,
    ) -> Result<Declared, TypeError> {
        if let Some(text) = &declared.schema {
            let schema = Schema::compile(text).map_err(TypeError::Schema)?;
            let mismatches = declared.sample.as_deref().map(|sample| schema.mismatches(sample.as_bytes()));
            match mismatches {
                Some(mismatches) if !mismatches.is_empty() => return Err(TypeError::Sample(mismatches)),
                _ => {}
            }
        }
        let done = self.store_types(tenant, &[declared], true).await?;
        Ok(done.first().copied().unwrap_or(Declared::Kept))
    }

    /// Declares the types of a catalogue. Those that stand are replaced, or kept as they are. Answers each with what became
    /// of it.
    ///
    /// # Errors
    /// When there is no room for all of them, or the database does not answer.
    pub async fn load_catalogue(
        &self,
        tenant: TenantId,
        catalogue: Catalogue,
        replace: bool,
    ) -> Result<Vec<(EventType, Declared)>, TypeError> {
        let types = catalogue.types(self.clock().now());
        let done = self.store_types(tenant, &types, replace).await?;
        Ok(types.into_iter().map(|declared| declared.name).zip(done).collect())
    }

    async fn store_types(
        &self,
        tenant: TenantId,
        types: &[DeclaredType],
        replace: bool,
    ) -> Result<Vec<Declared>, TypeError> {
        match self.store().declare_types(tenant, types, replace).await? {
            TypesDeclared::Done(done) => {
                self.directory().forget(tenant);
                Ok(done)
            }
            TypesDeclared::TooMany => Err(TypeError::TooMany),
            TypesDeclared::TooLarge => Err(TypeError::TooLarge),
            TypesDeclared::NotFound => Err(TypeError::UnknownTenant),
        }
    }

    /// Takes a declaration back; whether there was one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_type(&self, tenant: TenantId, name: &EventType) -> Result<bool, StoreError> {
        let deleted = self.store().delete_type(tenant, name).await?;
        self.directory().forget(tenant);
        Ok(deleted)
    }

    /// A sample of a type's data: the declared one, one made from the schema, for a type that is not declared the one that comes
    /// with the catalogue of the profile, or a synthetic one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sample(
        &self,
        tenant: TenantId,
        name: &EventType,
        profile: Profile,
    ) -> Result<Sample, StoreError> {
        let declared = self.store().declared_type(tenant, name).await?;
        if declared.is_some() {
            return Ok(sample_of(declared.as_ref()));
        }
        let known = Catalogue::of_profile(profile)
            .and_then(|catalogue| catalogue.types(Time::ZERO).into_iter().find(|known| known.name == *name));
        let sample = sample_of(known.as_ref());
        Ok(if known.is_some() { Sample { origin: SampleOrigin::Catalogue, ..sample } } else { sample })
    }

    /// Where the event does not fit what the tenant demands, if it is taken all the same. What Stentor itself makes, of
    /// itself or of messages, is not judged.
    pub(crate) async fn judged(
        &self,
        known: &Known,
        publish: &Publish,
    ) -> Result<Vec<Mismatch>, PublishError> {
        let gate = &known.types;
        if gate.is_open() || publish.origin == Origin::Operational || publish.telling.is_some() {
            return Ok(Vec::new());
        }
        let Some(schema) = gate.types.get(publish.event_type.as_str()) else {
            if gate.rules.strict {
                return Err(PublishError::UndeclaredType(publish.event_type.clone()));
            }
            return Ok(Vec::new());
        };
        let Some(schema) = schema else { return Ok(Vec::new()) };
        let mismatches = mismatches(schema, &publish.data).await;
        match gate.rules.validation {
            Validation::Reject if !mismatches.is_empty() => Err(PublishError::SchemaMismatch(mismatches)),
            _ => Ok(mismatches),
        }
    }
}

/// Large data is checked on a thread of its own, so that others do not wait for it.
async fn mismatches(schema: &Arc<LazySchema>, data: &Bytes) -> Vec<Mismatch> {
    if data.len() <= SCHEMA_SMALL_BYTES {
        return schema.mismatches(data);
    }
    let (schema, data) = (Arc::clone(schema), data.clone());
    let checked = tokio::task::spawn_blocking(move || schema.mismatches(&data)).await;
    checked.unwrap_or_else(|_| {
        vec![Mismatch { pointer: String::new(), detail: "could not be checked".to_owned() }]
    })
}

/// The sample of a type, declared or not.
pub fn sample_of(declared: Option<&DeclaredType>) -> Sample {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let own = |data, origin| Sample { data, previous_data: None, origin };
    match declared {
        Some(DeclaredType { sample: Some(sample), sample_previous_data, .. }) => Sample {
            data: bytes(sample),
            previous_data: sample_previous_data.as_deref().map(bytes),
            origin: SampleOrigin::Declared,
        },
        Some(DeclaredType { schema: Some(schema), .. }) => {
            own(sample::of_schema(schema).into(), SampleOrigin::Schema)
        }
        _ => own(bytes(sample::SYNTHETIC), SampleOrigin::Synthetic),
    }
}
