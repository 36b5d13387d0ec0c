-- Who is signed in to the dashboard, and links that sign somebody in once. kind: 1 link, 2 session. What a row allows is
-- what its token allows, as long as that lives.
CREATE TABLE sessions (
    hash BYTEA PRIMARY KEY CHECK (octet_length(hash) = 32),
    kind SMALLINT NOT NULL CHECK (kind BETWEEN 1 AND 2),
    token UUID NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_token ON sessions (token, kind, created_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);
