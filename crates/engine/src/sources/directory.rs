//! All sources and credentials in memory, so that a request finds its own at a cost that does not depend on how many there
//! are, and without a read of the database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use stentor_core::credential::Credential;
use stentor_core::id::{CredentialId, SourceId, TenantId};
use stentor_core::source::{ALL_HEADERS, KEPT_ALWAYS, Source, VERIFY_TOKEN, may_be_kept};
use stentor_core::time::Time;
use stentor_store::credentials::PairHash;
use stentor_store::{Store, StoreError};
use stentor_verify::provider::{Key, Scheme};
use tracing::warn;

/// Rows read at a time at the start.
const ROWS: u32 = 500;
/// The use of a credential is noted once in this many microseconds.
const USE_MICROS: i64 = 60_000_000;
/// Uses that wait to be stored; while the database does not answer, later ones are not noted.
const USED_MAX: usize = 100_000;

/// A source with what is prepared of it once per change.
#[derive(Debug)]
pub struct KnownSource {
    /// The source.
    pub source: Source,
    /// How its requests are verified; none for `none` and `basic`.
    pub scheme: Option<Scheme>,
    keys: Vec<(Option<Time>, Key)>,
    tokens: Vec<Key>,
}

impl KnownSource {
    /// None when what is stored is no source that this version can verify for.
    fn new(source: Source) -> Option<Self> {
        let scheme = source.config.verification.scheme().ok()?;
        let (mut keys, mut tokens) = (Vec::new(), Vec::new());
        if let Some(scheme) = &scheme {
            for key in &source.secrets.keys {
                keys.push((key.until, scheme.key(key.value.reveal()).ok()?));
            }
            for (name, value) in &source.secrets.options {
                if name == VERIFY_TOKEN {
                    tokens.push(scheme.verify_token(value.reveal()).ok()?);
                }
            }
        }
        Some(Self { source, scheme, keys, tokens })
    }

    /// The keys that verify at `now`, newest first, and after them the tokens that only answer handshakes.
    pub fn keys_at(&self, now: Time) -> Vec<Key> {
        let live = self.keys.iter().filter(|(until, _)| until.is_none_or(|end| now < end));
        live.map(|(_, key)| key.clone()).chain(self.tokens.iter().cloned()).collect()
    }

    /// Whether a header is kept with the event. The name is in lower case. One that holds the source's secret is kept only
    /// when it is named.
    pub fn keeps(&self, name: &str) -> bool {
        let scheme = self.scheme.as_ref();
        let asked = |wanted: &str| self.source.config.keep_headers.iter().any(|kept| kept == wanted);
        let is_kept = KEPT_ALWAYS.iter().any(|kept| kept.as_str() == name)
            || asked(name)
            || scheme.is_some_and(|scheme| scheme.forwards(name))
            || asked(ALL_HEADERS) && !scheme.is_some_and(|scheme| scheme.holds_secret(name));
        is_kept && may_be_kept(name)
    }
}

/// A credential and when it was used.
#[derive(Debug)]
pub struct KnownCredential {
    /// The credential as it was read.
    pub credential: Credential,
    /// The last use that was noted, in microseconds.
    noted: AtomicI64,
}

#[derive(Default)]
struct Known {
    sources: HashMap<SourceId, Arc<KnownSource>>,
    pairs: HashMap<PairHash, Arc<KnownCredential>>,
    /// The pairs of each source, so that they are replaced with it.
    of_source: HashMap<SourceId, Vec<PairHash>>,
}

impl Known {
    fn forget(&mut self, id: SourceId) {
        self.sources.remove(&id);
        for pair in self.of_source.remove(&id).into_iter().flatten() {
            self.pairs.remove(&pair);
        }
    }

    fn add_pair(&mut self, hash: PairHash, credential: Credential) {
        let noted = AtomicI64::new(credential.last_used_at.map_or(i64::MIN, Time::as_micros));
        self.of_source.entry(credential.source).or_default().push(hash);
        self.pairs.insert(hash, Arc::new(KnownCredential { credential, noted }));
    }

    fn add_source(&mut self, source: Source) {
        let id = source.id;
        match KnownSource::new(source) {
            Some(known) => {
                self.sources.insert(id, Arc::new(known));
            }
            // It was made by another version; requests to it are refused until it is changed.
            None => warn!(source = %id, "the verification of a source cannot be prepared"),
        }
    }
}

/// All sources and credentials. What changes through this process is known at once.
pub struct SourceDirectory {
    store: Arc<dyn Store>,
    known: RwLock<Known>,
    used: Mutex<Vec<(CredentialId, Time)>>,
    /// Held while a source is read and put in place, so that an older reading never replaces a newer one.
    reloading: tokio::sync::Mutex<()>,
}

impl SourceDirectory {
    /// Reads all of them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let mut known = Known::default();
        let mut after = None;
        loop {
            let rows = store.all_sources(after, ROWS).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.id);
            rows.into_iter().for_each(|source| known.add_source(source));
        }
        let mut after = None;
        loop {
            let rows = store.all_credentials(after, ROWS).await?;
            let Some((_, last)) = rows.last() else { break };
            after = Some(last.id);
            rows.into_iter().for_each(|(hash, credential)| known.add_pair(hash, credential));
        }
        let (used, reloading) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self { store, known: RwLock::new(known), used, reloading })
    }

    /// How many sources there are.
    pub(crate) fn count(&self) -> usize {
        self.read().sources.len()
    }

    /// The source with this id, active or not.
    pub fn source(&self, id: SourceId) -> Option<Arc<KnownSource>> {
        self.read().sources.get(&id).cloned()
    }

    /// The live credential with this `username:password`, and its source. Every pair is hashed under a secret key before it
    /// is looked for, so what it takes tells nothing of the pairs that there are, nor how many.
    pub fn by_pair(&self, user_pass: &str, now: Time) -> Option<(Arc<KnownSource>, Arc<KnownCredential>)> {
        let hash = self.store.pair_hash(user_pass);
        let known = self.read();
        let credential = known.pairs.get(&hash).filter(|known| known.credential.is_live(now))?;
        let source = known.sources.get(&credential.credential.source)?;
        Some((Arc::clone(source), Arc::clone(credential)))
    }

    /// Notes that a credential was used. To be called once its request was taken.
    pub fn was_used(&self, credential: &KnownCredential, now: Time) {
        let (noted, at) = (credential.noted.load(Ordering::Relaxed), now.as_micros());
        let is_due = at.saturating_sub(noted) >= USE_MICROS;
        // Whoever moves the time tells of it; the others have nothing to add.
        if is_due
            && credential.noted.compare_exchange(noted, at, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            let mut used = self.used();
            if used.len() < USED_MAX {
                used.push((credential.credential.id, now));
            }
        }
    }

    /// Takes what was noted of uses.
    pub(crate) fn take_used(&self) -> Vec<(CredentialId, Time)> {
        std::mem::take(&mut *self.used())
    }

    /// Keeps uses that could not be stored.
    pub(crate) fn give_back(&self, taken: Vec<(CredentialId, Time)>) {
        let mut used = self.used();
        let room = USED_MAX.saturating_sub(used.len());
        used.extend(taken.into_iter().take(room));
    }

    /// Reads a source and its credentials anew; one that is gone is forgotten. When the reading fails, it is forgotten too:
    /// what was revoked must not go on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn reload(&self, tenant: TenantId, id: SourceId) -> Result<(), StoreError> {
        let _turn = self.reloading.lock().await;
        let read = self.read_one(tenant, id).await;
        let mut known = self.known.write().expect("no panic while holding the lock");
        let noted: HashMap<CredentialId, i64> = {
            let pairs = known.of_source.get(&id).into_iter().flatten();
            let found = pairs.filter_map(|pair| known.pairs.get(pair));
            found.map(|one| (one.credential.id, one.noted.load(Ordering::Relaxed))).collect()
        };
        known.forget(id);
        let Some((source, credentials)) = read? else { return Ok(()) };
        for (hash, credential) in credentials {
            let own = credential.id;
            known.add_pair(hash, credential);
            if let (Some(at), Some(added)) = (noted.get(&own), known.pairs.get(&hash)) {
                added.noted.fetch_max(*at, Ordering::Relaxed);
            }
        }
        known.add_source(source);
        Ok(())
    }

    async fn read_one(
        &self,
        tenant: TenantId,
        id: SourceId,
    ) -> Result<Option<(Source, Vec<(PairHash, Credential)>)>, StoreError> {
        let Some(source) = self.store.source(tenant, id).await? else { return Ok(None) };
        Ok(Some((source, self.store.credential_pairs(id).await?)))
    }

    /// Forgets everything of a tenant that was deleted.
    pub(crate) fn forget_tenant(&self, tenant: TenantId) {
        let mut known = self.known.write().expect("no panic while holding the lock");
        let of_tenant = known.sources.values().filter(|known| known.source.tenant == tenant);
        let ids: Vec<SourceId> = of_tenant.map(|known| known.source.id).collect();
        ids.into_iter().for_each(|id| known.forget(id));
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().expect("no panic while holding the lock")
    }

    fn used(&self) -> std::sync::MutexGuard<'_, Vec<(CredentialId, Time)>> {
        self.used.lock().expect("no panic while holding the lock")
    }
}
