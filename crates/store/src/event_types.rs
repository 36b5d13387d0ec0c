//! Declared event types.

use async_trait::async_trait;
use stentor_core::event::EventType;
use stentor_core::event_type::{DeclaredType, TypeRules};
use stentor_core::id::TenantId;
use stentor_core::time::Time;

use crate::error::StoreResult;

/// What became of one declared type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// It is new.
    Created,
    /// It took the place of one of that name.
    Replaced,
    /// One of that name stands and was to stay.
    Kept,
}

/// What became of types that were to be declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypesDeclared {
    /// What became of each, in their order.
    Done(Vec<Declared>),
    /// The tenant would have more types than it may; nothing changed.
    TooMany,
    /// The tenant's schemas would be larger than they may; nothing changed.
    TooLarge,
    /// There is no such tenant.
    NotFound,
}

/// A declared type as a list holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedType {
    /// The type of its events.
    pub name: EventType,
    /// What it means.
    pub description: Option<String>,
    /// Whether it has a schema.
    pub has_schema: bool,
    /// Whether it has a sample.
    pub has_sample: bool,
    /// Whether it is retired.
    pub archived: bool,
    /// When it was declared.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// What publishing demands of a tenant's event types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypesInForce {
    /// The configuration version at which any of it last changed.
    pub version: u64,
    /// What happens where an event does not fit.
    pub rules: TypeRules,
    /// The types that are not archived, with their schemas; empty when the rules ask for neither.
    pub types: Vec<(EventType, Option<Box<str>>)>,
}

/// Reads and changes of declared types. Each change moves the tenant's configuration version (engine rule E7).
#[async_trait]
pub trait EventTypes: Send + Sync {
    /// Declares types, all or none. One that stands under the same name is replaced, or kept as it is.
    async fn declare_types(
        &self,
        tenant: TenantId,
        types: &[DeclaredType],
        replace: bool,
    ) -> StoreResult<TypesDeclared>;

    /// One type.
    async fn declared_type(&self, tenant: TenantId, name: &EventType) -> StoreResult<Option<DeclaredType>>;

    /// All types, by name, archived ones included.
    async fn declared_types(&self, tenant: TenantId) -> StoreResult<Vec<ListedType>>;

    /// Whether there was such a type; there is none any more.
    async fn delete_type(&self, tenant: TenantId, name: &EventType) -> StoreResult<bool>;

    /// What is in force, unless it is still that of `known`. None then, and when there is no such tenant.
    async fn types_in_force(&self, tenant: TenantId, known: Option<u64>)
    -> StoreResult<Option<TypesInForce>>;
}
