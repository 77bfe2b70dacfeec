-- MACs and links say in which format and with which audit key they were made. Null in those from before: format 1, key 1.
ALTER TABLE audit_events ADD COLUMN mac_format smallint, ADD COLUMN mac_key smallint;
ALTER TABLE audit_links ADD COLUMN format smallint, ADD COLUMN key smallint;
