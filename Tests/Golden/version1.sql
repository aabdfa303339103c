PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE schema_version (
  version INTEGER PRIMARY KEY,
  applied_at TEXT NOT NULL,
  description TEXT
);
INSERT INTO schema_version VALUES(1,'2025-06-01T12:00:00.000Z','Initial schema with events table');
CREATE TABLE events (
  id TEXT PRIMARY KEY,
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
INSERT INTO events VALUES('evt_20250601_120001_00000000000000a1','cluster','info','Cluster scan started',NULL,NULL,NULL,NULL,NULL,'2025-06-01T12:00:01.000Z');
INSERT INTO events VALUES('evt_20250601_120001_00000000000000a2','operator','warning','Pod restarted','Back-off restarting failed container','Pod','default','web-6f7d','{"restarts":3,"ratio":1.10}','2025-06-01T12:00:01.000Z');
INSERT INTO events VALUES('evt_20250601_120001_00000000000000a0','insight','error','Zertifikat läuft ab 🔥','Am 3. Juli.','Secret','kube-system','tls-größe','{"days":12345678901234567890,"b":1,"a":[1,2,{"c":null}]}','2025-06-01T12:00:01.000Z');
INSERT INTO events VALUES('a','health','critical','','','Node','','node-1','{}','2024-02-29T23:59:59.999Z');
INSERT INTO events VALUES('A','assessment','info','It''s a "title"','back\slash','ConfigMap','ns','cm','{"quote":"\"","slash":"\/","u":"\u00e9"}','2025-06-01T12:00:02.500Z');
INSERT INTO events VALUES('evt:with.other_chars-1','system','warning','Old','x','Deployment','prod','api','{ "spaced" : true }','1999-12-31T00:00:00.000Z');
CREATE INDEX idx_events_type     ON events(event_type);
CREATE INDEX idx_events_severity ON events(severity);
CREATE INDEX idx_events_created  ON events(created_at DESC);
CREATE INDEX idx_events_object   ON events(object_kind, object_namespace, object_name);
COMMIT;
