/// Texts for the search index, gathered in any order and given out in rising order of their keys:
/// at each step back FTS5 begins a new segment.
struct SearchDocuments {
    private var texts: [UInt8] = []
    private var documents: [(key: Int64, range: Range<Int>)] = []

    var count: Int { documents.count }

    mutating func append(key: Int64, text: [UInt8]) {
        documents.append((key, texts.count..<(texts.count + text.count)))
        texts += text
    }

    func forEach<Failure: Error>(
        _ body: (_ key: Int64, _ text: UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try texts.span.withUnsafeBytes { bytes throws(Failure) in
            for document in documents.sorted(by: { $0.key < $1.key }) {
                try body(document.key, UnsafeRawBufferPointer(rebasing: bytes[document.range]))
            }
        }
    }
}
