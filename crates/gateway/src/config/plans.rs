//! Sections `[plans.NAME]`.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use serde::Deserialize;
use stentor_core::plan::{Feature, Period, Plan, Plans, PublishRate, Quota};

use super::Bounded;

/// What the tenants of a plan may use. What is left out is unlimited.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Fields")]
pub struct PlanConfig(Plan);

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    publish_rate: Option<Bounded<1, 1_000_000>>,
    publish_burst: Option<Bounded<1, 1_000_000>>,
    backlog: Option<u64>,
    quota: Option<u64>,
    quota_period: Option<Period>,
    features: Option<BTreeSet<Feature>>,
}

impl TryFrom<Fields> for PlanConfig {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, &'static str> {
        let Fields { publish_rate, publish_burst, backlog, quota, quota_period, features } = fields;
        if publish_burst.is_some() && publish_rate.is_none() {
            return Err("publish_burst needs publish_rate");
        }
        if quota_period.is_some() && quota.is_none() {
            return Err("quota_period needs quota");
        }
        let number = |number: Bounded<1, 1_000_000>| NonZeroU32::new(number.get()).expect("at least 1");
        Ok(Self(Plan {
            publish: publish_rate
                .map(|rate| PublishRate { rate: number(rate), burst: number(publish_burst.unwrap_or(rate)) }),
            backlog,
            quota: quota.map(|events| Quota { events, period: quota_period.unwrap_or_default() }),
            features: features.unwrap_or_else(|| Feature::ALL.into()),
        }))
    }
}

/// The plans that the sections define.
pub(super) fn plans(sections: &BTreeMap<String, PlanConfig>) -> Plans {
    Plans::new(sections.iter().map(|(name, plan)| (name.as_str().into(), plan.0.clone())))
}
