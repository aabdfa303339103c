import Events

/// The table by which a Kubernetes event gets its severity. docs/api.md prints it.
enum KubernetesSeverity {
    private static let critical: Set = [
        "ClaimLost", "EvictionThresholdMet", "FailedKillPod", "FreeDiskSpaceFailed",
        "KernelDeadlock", "NodeNotReady", "OOMKilled", "OOMKilling", "SystemOOM",
    ]
    /// Operators built on kopf write these types.
    private static let errorTypes: Set = ["critical", "error"]
    /// Whatever the type: Kubernetes has FailedBinding as Normal.
    private static let error: Set = [
        "CrashLoopBackOff", "Failed", "FailedBinding", "FailedCreate", "FailedMount",
        "FailedScheduling", "ImagePullBackOff",
    ]
    private static let errorPrefixes = ["Failed"]
    private static let errorSuffixes = ["Failed", "Error"]
    private static let errorIfWarning: Set = [
        "BackoffLimitExceeded", "DeadlineExceeded", "ErrImageNeverPull", "ErrImagePull", "Evicted",
        "NetworkNotReady", "Rebooted",
    ]

    /// The severity by the first row that fits.
    static func severity(type: String, reason: String) -> Severity {
        let type = type.lowercased()
        if critical.contains(reason) { return .critical }
        if errorTypes.contains(type) || error.contains(reason) { return .error }
        guard type == "warning" else { return .info }
        let isError =
            errorIfWarning.contains(reason) || errorPrefixes.contains(where: reason.hasPrefix)
            || errorSuffixes.contains(where: reason.hasSuffix)
        return isError ? .error : .warning
    }

    /// The table as Markdown.
    static var table: String {
        func list(_ words: some Sequence<String>) -> String {
            words.sorted().map { "`\($0)`" }.joined(separator: ", ")
        }
        return """
            | severity | when |
            | --- | --- |
            | `critical` | the reason is one of \(list(critical)) |
            | `error` | the type is `Error` or `Critical`; or the reason is one of \(list(error)); or the type is `Warning` and the reason begins with \(list(errorPrefixes)), ends in \(list(errorSuffixes)), or is one of \(list(errorIfWarning)) |
            | `warning` | the type is `Warning` |
            | `info` | any other type, or none |
            """
    }
}
