-- What configuration leaves behind is found by its age when it is to go; none of these tables is on the hot path.
CREATE INDEX tokens_revoked ON tokens (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX tokens_expiring ON tokens (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX replays_finished ON replays (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX webhooks_deleted ON webhooks (deleted_at) WHERE deleted_at IS NOT NULL;
-- Covers the question which revisions have been followed by another.
CREATE INDEX revisions_in_time ON revisions (webhook, version, updated_at);
