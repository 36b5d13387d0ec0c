-- What requests with an idempotency key were answered. A row without a status is a request that was begun and has no answer yet.
CREATE TABLE answers (
    key_hash BYTEA PRIMARY KEY,
    request_hash BYTEA NOT NULL,
    status INTEGER,
    content_type TEXT,
    -- The sealed body: it may show a secret.
    body BYTEA,
    expires_at BIGINT NOT NULL,
    CHECK ((status IS NULL) = (body IS NULL))
);
CREATE INDEX answers_by_expiry ON answers (expires_at);
