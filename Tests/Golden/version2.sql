PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE schema_version (
  version INTEGER PRIMARY KEY,
  applied_at TEXT NOT NULL,
  description TEXT
);
INSERT INTO schema_version VALUES(1,'2025-06-01T12:00:00.000Z','Initial schema with events table');
INSERT INTO schema_version VALUES(2,'2026-11-24T12:00:00.000Z','Explicit seq, indexes in keyset order');
CREATE TABLE IF NOT EXISTS "events" (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  severity TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT,
  object_kind TEXT,
  object_namespace TEXT,
  object_name TEXT,
  metadata TEXT,
  created_at TEXT NOT NULL
);
INSERT INTO events VALUES(1,'evt_20250601_120001_00000000000000a1','cluster','info','Cluster scan started',NULL,NULL,NULL,NULL,NULL,'2025-06-01T12:00:01.000Z');
INSERT INTO events VALUES(2,'evt_20250601_120001_00000000000000a2','operator','warning','Pod restarted','Back-off restarting failed container','Pod','default','web-6f7d','{"restarts":3,"ratio":1.10}','2025-06-01T12:00:01.000Z');
INSERT INTO events VALUES(3,'evt_20250601_120001_00000000000000a0','insight','error','Zertifikat läuft ab 🔥','Am 3. Juli.','Secret','kube-system','tls-größe','{"days":12345678901234567890,"b":1,"a":[1,2,{"c":null}]}','2025-06-01T12:00:01.000Z');
INSERT INTO events VALUES(4,'a','health','critical','','','Node','','node-1','{}','2024-02-29T23:59:59.999Z');
INSERT INTO events VALUES(5,'A','assessment','info','It''s a "title"','back\slash','ConfigMap','ns','cm','{"quote":"\"","slash":"\/","u":"\u00e9"}','2025-06-01T12:00:02.500Z');
INSERT INTO events VALUES(6,'evt:with.other_chars-1','system','warning','Old','x','Deployment','prod','api','{ "spaced" : true }','1999-12-31T00:00:00.000Z');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('events',6);
CREATE UNIQUE INDEX idx_events_id    ON events(id);
CREATE INDEX idx_events_type         ON events(event_type, created_at);
CREATE INDEX idx_events_severity     ON events(severity, created_at);
CREATE INDEX idx_events_created      ON events(created_at);
CREATE INDEX idx_events_object       ON events(object_kind, object_namespace, object_name, created_at);
CREATE INDEX idx_events_kind         ON events(object_kind, created_at);
CREATE INDEX idx_events_namespace    ON events(object_namespace, created_at);
CREATE INDEX idx_events_name         ON events(object_name, created_at);
COMMIT;
