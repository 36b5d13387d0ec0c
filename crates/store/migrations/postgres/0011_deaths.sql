-- Whether the webhook asks for delivery.dead, so that a delivery that is given up costs nothing where nobody does.
ALTER TABLE webhooks ADD COLUMN told_of_dead BOOLEAN NOT NULL DEFAULT false;
UPDATE webhooks SET told_of_dead = true WHERE config LIKE '%"delivery.%';
CREATE INDEX webhooks_told_of_dead ON webhooks (tenant, id) WHERE told_of_dead AND deleted_at IS NULL;

-- Deliveries that an attempt ended as dead, until the operational event of it is stored. Written in the outcome's transaction.
CREATE TABLE deaths (
    delivery UUID NOT NULL,
    attempts INTEGER NOT NULL,
    tenant UUID NOT NULL,
    event UUID NOT NULL,
    event_type TEXT NOT NULL,
    webhook UUID NOT NULL,
    reason TEXT NOT NULL,
    died_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    outcome_reason TEXT,
    status INTEGER,
    PRIMARY KEY (delivery, attempts)
);
