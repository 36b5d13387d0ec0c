-- Whether the webhook asks for delivery.dead, so that a delivery that is given up costs nothing where nobody does.
ALTER TABLE webhooks ADD COLUMN told_of_dead INTEGER NOT NULL DEFAULT 0 CHECK (told_of_dead IN (0, 1));
UPDATE webhooks SET told_of_dead = 1 WHERE config LIKE '%"delivery.%';
CREATE INDEX webhooks_told_of_dead ON webhooks (tenant) WHERE told_of_dead = 1 AND deleted_at IS NULL;

-- Deliveries that an attempt ended as dead, until the operational event of it is stored. Written in the outcome's transaction.
CREATE TABLE deaths (
    delivery BLOB NOT NULL,
    attempts INTEGER NOT NULL,
    tenant BLOB NOT NULL,
    event BLOB NOT NULL,
    event_type TEXT NOT NULL,
    webhook BLOB NOT NULL,
    reason TEXT NOT NULL,
    died_at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    outcome_reason TEXT,
    status INTEGER,
    PRIMARY KEY (delivery, attempts)
) STRICT, WITHOUT ROWID;
