/// Version 1 exactly as the program that wrote it has it.
public let version1DDL = """
    CREATE TABLE IF NOT EXISTS schema_version (
      version INTEGER PRIMARY KEY,
      applied_at TEXT NOT NULL,
      description TEXT
    );

    CREATE TABLE IF NOT EXISTS events (
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

    CREATE INDEX IF NOT EXISTS idx_events_type     ON events(event_type);
    CREATE INDEX IF NOT EXISTS idx_events_severity ON events(severity);
    CREATE INDEX IF NOT EXISTS idx_events_created  ON events(created_at DESC);
    CREATE INDEX IF NOT EXISTS idx_events_object   ON events(object_kind, object_namespace, object_name);
    """
