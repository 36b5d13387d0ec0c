-- The profile of a webhook that is created without one; NULL stands for standard.
ALTER TABLE tenants ADD COLUMN default_profile TEXT;
