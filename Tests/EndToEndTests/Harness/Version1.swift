import TestSupport

/// Files of schema version 1 as another program wrote them, made with only the sqlite3 program.
enum Version1 {
    static let record = """
        INSERT INTO schema_version VALUES
          (1, '2025-06-01T12:00:00.000Z', 'Initial schema with events table');
        """

    /// The columns of version 1, and of every later version, in this order.
    static let columns = """
        id, event_type, severity, title, description, object_kind, object_namespace, object_name, \
        metadata, created_at
        """

    /// Creates the file `path` and runs `insertions` on it.
    static func make(_ path: String, _ insertions: String = "") throws {
        try Command.sqlite(path, "\(version1DDL)\n\(record)\n\(insertions)")
    }

    /// Statements that insert `count` events, every 50 of them at one moment.
    static func rows(_ count: Int) -> String {
        """
        WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < \(count))
        INSERT INTO events SELECT
          printf('evt_20250601_120000_%016x', (n * 2654435761) % 4294967296),
          CASE n % 3 WHEN 0 THEN 'cluster' WHEN 1 THEN 'operator' ELSE 'insight' END,
          CASE n % 4 WHEN 0 THEN 'info' WHEN 1 THEN 'warning' WHEN 2 THEN 'error' ELSE 'critical' END,
          'Event ' || n, CASE WHEN n % 5 THEN 'What happened, in words: ' || n END,
          CASE WHEN n % 7 THEN 'Pod' END, CASE WHEN n % 7 THEN 'ns-' || (n % 20) END,
          CASE WHEN n % 7 THEN 'pod-' || (n % 1000) END,
          CASE WHEN n % 2 THEN json_object('n', n, 'reason', 'Because') END,
          strftime('%Y-%m-%dT%H:%M:%fZ', '2025-06-01', '+' || (n / 50) || ' seconds')
        FROM numbers;
        """
    }
}
