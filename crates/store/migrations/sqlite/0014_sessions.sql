-- Who is signed in to the dashboard, and links that sign somebody in once. kind: 1 link, 2 session. What a row allows is
-- what its token allows, as long as that lives.
CREATE TABLE sessions (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 2),
    token BLOB NOT NULL CHECK (length(token) = 16),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_token ON sessions (token, kind, created_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);
