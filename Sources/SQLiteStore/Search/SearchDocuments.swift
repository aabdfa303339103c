import Events

/// Texts for the search index, collected in any order and returned by rising key, because FTS5
/// begins a new segment at each step back.
struct SearchDocuments: Sendable {
    private var texts: [UInt8] = []
    private var documents: [(key: Int64, seq: Int64, range: Range<Int>)] = []
    /// The greatest seq of their events; 0 if there are none.
    private(set) var lastSeq: Int64 = 0
    /// The cost of making them and of the index inserting or removing them.
    private(set) var weight = 0

    var count: Int { documents.count }

    /// Appends the document of `event`.
    mutating func append(_ event: EventView, _ document: SearchDocument) {
        let text = document.text
        documents.append(
            (SearchKey.of(event), event.seq, texts.count..<(texts.count + text.count)))
        texts += text
        lastSeq = max(lastSeq, event.seq)
        weight += SliceWeight.of(event) + SliceWeight.of(bytes: text.count) + document.tokens
    }

    func forEach<Failure: Error>(
        _ body: (_ key: Int64, _ seq: Int64, _ text: UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try texts.span.withUnsafeBytes { bytes throws(Failure) in
            for document in documents.sorted(by: { $0.key < $1.key }) {
                try body(
                    document.key, document.seq,
                    UnsafeRawBufferPointer(rebasing: bytes[document.range]))
            }
        }
    }
}
