//! Limits of tenants: how much each may publish now, by its plan.
//!
//! Everything is at hand in memory and exact: what was used before the process began is read once at the start, and what is
//! under way is reserved. A [`Reservation`] goes with its event through the journal, so that whatever becomes of the one who
//! waits, it ends with the event's commit.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use stentor_core::allowance::{Allowance, Moment, Notice, Standing};
use stentor_core::id::TenantId;
use stentor_core::plan::{Period, Plan, Plans, day_of};
use stentor_core::time::Time;
use stentor_store::journal::NewEvent;
use stentor_store::usage::{Backlog, Backlogs, UsedDay};
use stentor_store::{Store, StoreError};
use tokio::sync::Notify;
use tracing::warn;

use crate::clock::Clock;

const DAY_SECONDS: i64 = 86_400;

/// The limits of all tenants.
pub struct Limits {
    plans: Plans,
    clock: Arc<dyn Clock>,
    /// Whether some plan has a quota: then everything that is stored is counted.
    counts_use: bool,
    /// None while no plan limits pending deliveries.
    backlogs: Option<Arc<Backlogs>>,
    tenants: RwLock<HashMap<TenantId, Arc<TenantLimits>>>,
    /// What tenants that were not heard of since the start had used by then.
    used_before: Mutex<HashMap<TenantId, Vec<UsedDay>>>,
    notices: Arc<Notices>,
}

impl Limits {
    /// Reads what was used so far. To be called before anything is accepted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load(
        plans: Plans,
        store: &dyn Store,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StoreError> {
        let counts_use = plans.iter().any(|plan| plan.quota.is_some());
        let mut used_before: HashMap<TenantId, Vec<UsedDay>> = HashMap::new();
        if counts_use {
            let (month, _) = Period::Month.around(clock.now());
            for used in store.usage(None, day_of(month)).await? {
                used_before.entry(used.tenant).or_default().push(used);
            }
        }
        let backlogs = match plans.iter().any(|plan| plan.backlog.is_some()) {
            true => Some(store.follow_backlogs().await?),
            false => None,
        };
        Ok(Arc::new(Self {
            plans,
            clock,
            counts_use,
            backlogs,
            tenants: RwLock::default(),
            used_before: Mutex::new(used_before),
            notices: Arc::default(),
        }))
    }

    /// The plans that there are.
    pub fn plans(&self) -> &Plans {
        &self.plans
    }

    /// The plan of this name. One that is not defined any more limits as the default plan does.
    pub fn plan(&self, name: &str) -> &Arc<Plan> {
        self.plans.get(name).unwrap_or_else(|| {
            warn!(plan = name, "a tenant's plan is not defined; the default plan is in force");
            self.plans.default_plan()
        })
    }

    /// The limits of a tenant of this plan; none when there is nothing to limit or count.
    pub(crate) fn of(&self, tenant: TenantId, plan_name: &str) -> Option<Arc<TenantLimits>> {
        let plan = self.plan(plan_name);
        let known = self.known(tenant);
        if let Some(limits) = known {
            limits.set_plan(plan);
            return Some(limits);
        }
        if !self.counts_use && !plan.limits() {
            return None;
        }
        let mut tenants = self.tenants.write().expect("no panic while holding the lock");
        let made = tenants.entry(tenant).or_insert_with(|| Arc::new(self.made(tenant, plan)));
        Some(Arc::clone(made))
    }

    /// Where a tenant stands with the limit that is nearest; none when nothing limits it, or nothing is known of it.
    pub fn nearest(&self, tenant: TenantId) -> Option<Standing> {
        self.known(tenant)?.nearest()
    }

    /// Forgets a tenant that is gone.
    pub(crate) fn forget(&self, tenant: TenantId) {
        self.tenants.write().expect("no panic while holding the lock").remove(&tenant);
    }

    /// Tenants that had used so much before the start that they may have to be told. Each is named once.
    pub(crate) fn heavy_users(&self) -> Vec<TenantId> {
        let smallest = self.plans.iter().filter_map(|plan| plan.quota).map(|quota| quota.events).min();
        let Some(smallest) = smallest else { return Vec::new() };
        let used = self.used_before.lock().expect("no panic while holding the lock");
        let events = |days: &Vec<UsedDay>| days.iter().map(|day| day.events).sum::<u64>();
        let heavy = used.iter().filter(|(_, days)| events(days).saturating_mul(2) >= smallest);
        heavy.map(|(tenant, _)| *tenant).collect()
    }

    /// Counts the deliveries of an event that was stored without a reservation.
    pub(crate) fn stored_without(&self, event: &NewEvent) {
        if let Some(backlogs) = &self.backlogs {
            let deliveries = i64::try_from(event.deliveries.len()).unwrap_or(i64::MAX);
            backlogs.apply([(event.event.tenant, deliveries)]);
        }
    }

    /// The number of a tenant's pending deliveries, if that is followed.
    pub(crate) fn pending(&self, tenant: TenantId) -> Option<u64> {
        Some(self.backlogs.as_ref()?.of(tenant).deliveries())
    }

    pub(crate) fn notices(&self) -> &Notices {
        &self.notices
    }

    fn known(&self, tenant: TenantId) -> Option<Arc<TenantLimits>> {
        self.tenants.read().expect("no panic while holding the lock").get(&tenant).cloned()
    }

    fn made(&self, tenant: TenantId, plan: &Arc<Plan>) -> TenantLimits {
        let mut allowance = Allowance::new(Arc::clone(plan), self.clock.now());
        let used = self.used_before.lock().expect("no panic while holding the lock").remove(&tenant);
        for day in used.into_iter().flatten() {
            allowance.recall(Time::from_seconds(day.day.saturating_mul(DAY_SECONDS)), day.events);
        }
        let limits = TenantLimits {
            tenant,
            clock: Arc::clone(&self.clock),
            backlog: self.backlogs.as_ref().map(|backlogs| backlogs.of(tenant)),
            allowance: Mutex::new(allowance),
            notices: Arc::clone(&self.notices),
        };
        if limits.due_notice().is_some() {
            limits.notices.add(tenant);
        }
        limits
    }
}

/// The limits of one tenant and what it has used of them.
pub struct TenantLimits {
    tenant: TenantId,
    clock: Arc<dyn Clock>,
    backlog: Option<Backlog>,
    allowance: Mutex<Allowance>,
    notices: Arc<Notices>,
}

impl TenantLimits {
    /// Takes so many events out of the tenant's pace of publishing, or none.
    pub(crate) fn take(&self, events: u32) -> Result<(), Standing> {
        self.allowance().take_together(events, self.moment())
    }

    /// Reserves the place of an event with so many deliveries.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        deliveries: usize,
        accepted_at: Time,
    ) -> Result<Reservation, Standing> {
        let deliveries = i64::try_from(deliveries).unwrap_or(i64::MAX);
        let mut allowance = self.allowance();
        allowance.reserve(deliveries.unsigned_abs(), self.pending(), self.clock.now())?;
        // While the lock is held: nobody else looks before it is added.
        self.change_backlog(deliveries);
        Ok(Reservation { limits: Arc::clone(self), deliveries, accepted_at, is_stored: false })
    }

    /// Where the tenant stands with each limit of its plan.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        self.allowance().standings(self.pending(), self.moment()).collect()
    }

    /// What the tenant is to be told of its quota.
    pub(crate) fn due_notice(&self) -> Option<Notice> {
        self.allowance().due_notice(self.clock.now())
    }

    /// Notes that the tenant was told.
    pub(crate) fn was_told(&self, notice: &Notice) {
        self.allowance().note_told(notice.period, notice.since, notice.told);
    }

    fn nearest(&self) -> Option<Standing> {
        self.allowance().nearest(self.pending(), self.moment())
    }

    fn set_plan(&self, plan: &Arc<Plan>) {
        let mut allowance = self.allowance();
        if !Arc::ptr_eq(allowance.plan(), plan) {
            allowance.set_plan(Arc::clone(plan));
            drop(allowance);
            if self.due_notice().is_some() {
                self.notices.add(self.tenant);
            }
        }
    }

    fn change_backlog(&self, by: i64) {
        if let Some(backlog) = &self.backlog {
            backlog.change(by);
        }
    }

    fn pending(&self) -> u64 {
        self.backlog.as_ref().map_or(0, Backlog::deliveries)
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), elapsed: self.clock.elapsed() }
    }

    fn allowance(&self) -> MutexGuard<'_, Allowance> {
        self.allowance.lock().expect("no panic while holding the lock")
    }
}

/// The place of an event on its way into the store. It is given back when this is dropped, unless the event is stored.
pub struct Reservation {
    limits: Arc<TenantLimits>,
    deliveries: i64,
    accepted_at: Time,
    is_stored: bool,
}

impl Reservation {
    /// Counts the event as used: it is stored.
    pub(crate) fn stored(mut self) {
        self.is_stored = true;
        let limits = &self.limits;
        let mut allowance = limits.allowance();
        allowance.release();
        allowance.recall(self.accepted_at, 1);
        let is_due = allowance.due_notice(self.accepted_at).is_some();
        drop(allowance);
        if is_due {
            limits.notices.add(limits.tenant);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.is_stored {
            self.limits.allowance().release();
            self.limits.change_backlog(-self.deliveries);
        }
    }
}

/// Tenants that are to be told something of their quota.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    due: Mutex<BTreeSet<TenantId>>,
    changed: Notify,
}

impl Notices {
    pub(crate) fn add(&self, tenant: TenantId) {
        if self.due().insert(tenant) {
            self.changed.notify_one();
        }
    }

    /// Takes all of them, once there are any.
    pub(crate) async fn take(&self) -> BTreeSet<TenantId> {
        loop {
            let due = std::mem::take(&mut *self.due());
            if !due.is_empty() {
                return due;
            }
            self.changed.notified().await;
        }
    }

    fn due(&self) -> MutexGuard<'_, BTreeSet<TenantId>> {
        self.due.lock().expect("no panic while holding the lock")
    }
}
