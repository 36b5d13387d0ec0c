//! The record of a request, for who watches what comes in.

use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use stentor_core::id::{RequestId, SourceId, TenantId};
use stentor_engine::clock::Stopwatch;
use stentor_engine::entropy;
use stentor_engine::ingest::{Entered, Head, RateStanding, kept_headers};
use stentor_engine::receptions::{BODY_KEPT_MAX, Reception, ReceptionTiming, Verdict};
use stentor_engine::sources::KnownSource;

use crate::http::AppState;
use crate::http::extract::ReadBody;

/// What is known so far of a request.
pub(super) struct Record {
    /// None when nobody watches.
    reception: Option<Reception>,
    since: Stopwatch,
    /// The tenant that it acts for, once it may.
    tenant: Option<TenantId>,
    /// Whose it is, refused or not.
    whose: Option<(TenantId, SourceId)>,
    standing: Option<RateStanding>,
}

impl Record {
    /// Begins with the head.
    pub(super) fn begin(state: &AppState, head: &Head) -> Self {
        let reception = state.engine().receptions().watched().then(|| {
            let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
            Reception {
                id: RequestId::new(head.received_at, entropy::bits()),
                tenant: None,
                source: None,
                peer: head.peer,
                received_at: head.received_at,
                method: head.method.clone(),
                path: head.path.clone(),
                headers: Vec::new(),
                content_type: text(CONTENT_TYPE).map(str::to_owned),
                body: Bytes::new(),
                body_bytes: text(CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or(0),
                timing: ReceptionTiming::default(),
                verdict: Verdict::Challenge,
                status: 0,
            }
        });
        Self { reception, since: Stopwatch::start(), tenant: None, whose: None, standing: None }
    }

    /// The source is known.
    pub(super) fn entered(&mut self, entered: &Entered, head: &Head) {
        let source = entered.gate.source();
        (self.tenant, self.whose) = (Some(source.tenant), Some((source.tenant, source.id)));
        self.standing = entered.standing;
        if let Some(reception) = &mut self.reception {
            let kept = kept_headers(&entered.gate, &head.headers).into_iter();
            reception.headers =
                kept.map(|(name, value)| (name.into(), value.into_string().into_bytes())).collect();
        }
    }

    /// It was refused, and would have been for this source. Its sender learns nothing of the tenant.
    pub(super) fn was_for(&mut self, known: Option<&KnownSource>) {
        self.whose = known.map(|known| (known.source.tenant, known.source.id));
    }

    /// The body was read.
    pub(super) fn body_came(&mut self, body: &ReadBody) {
        if let Some(reception) = &mut self.reception {
            // A copy: a slice would keep all of it.
            reception.body = Bytes::copy_from_slice(&body[..body.len().min(BODY_KEPT_MAX)]);
            reception.body_bytes = body.len() as u64;
            reception.timing.body = self.since.elapsed();
        }
    }

    /// What became of it.
    pub(super) fn decide(&mut self, verdict: Verdict) {
        if let Some(reception) = &mut self.reception {
            reception.verdict = verdict;
        }
    }

    /// The tenant that it acts for, once it may.
    pub(super) fn tenant(&self) -> Option<TenantId> {
        self.tenant
    }

    /// Where the rate of its source stands, if it has one.
    pub(super) fn standing(&self) -> Option<RateStanding> {
        self.standing
    }

    /// Hands the record over.
    pub(super) fn finish(self, state: &AppState, response: &Response) {
        let Some(mut reception) = self.reception else { return };
        (reception.tenant, reception.source) = self.whose.unzip();
        reception.timing.total = self.since.elapsed();
        reception.status = response.status().as_u16();
        state.engine().receptions().put(reception);
    }
}
