-- name: trace_message
-- A message without its bytes.
select id, source, format, type, control_id, status, received_at, bytes_count, encode(sha256, 'hex') as sha256, events_count,
    transmission_id, bytes_offset from message where id = $1

-- name: read_message_bytes
-- The sealed bytes of a message, or the span of the file that holds it.
select m.sealed, m.transmission_id, m.bytes_offset, m.bytes_count, t.bytes_count as file_bytes_count
from message m left join transmission t on t.id = m.transmission_id where m.id = $1

-- name: read_chunks
-- The sealed pieces of a file that hold a span of its bytes, and where each starts; a sealed piece is $4 longer than it holds.
select ordinal, starts_at, sealed from (
    select ordinal, sealed, length(sealed) - $4::integer as held,
        (sum(length(sealed) - $4::integer) over (order by ordinal))::bigint - (length(sealed) - $4::integer) as starts_at
    from transmission_chunk where transmission_id = $1
) piece where starts_at < $3::bigint and starts_at + held > $2::bigint order by ordinal

-- name: trace_events
-- The event of this id and those below it, with their place and outcome.
select e.id, e.message_id, e.stream, e.type, e.source, e.path, e.stamp, e.received_at_ms, e.payload,
    l.partition, l.position, l.outcome, l.release
from event e left join log l on l.event_id = e.id
where e.id = $1 or (e.id > rtrim($1, '.') || '.' and e.id < rtrim($1, '.') || '/') order by e.id

-- name: trace_entries
-- The entry of this id and those below it, and those that such events told, with their journal and the ERP's document.
select e.id, e.kind, e.entity, e.currency, e.effective_on, e.accounting_on, e.reverses, e.release,
    (select min(number) from release r where r.id = e.release) as release_number, e.event_id, e.stream,
    j.reference, d.status as delivery_status, d.document
from entry e
left join journal_entry j on j.entry_id = e.id
left join delivery d on d.idempotency_key = j.reference
where e.id = $1 or (e.id > rtrim($1, '.') || '.' and e.id < rtrim($1, '.') || '/')
    or e.event_id = 'evt_' || substr($1, 5)
    or (e.event_id > 'evt_' || substr(rtrim($1, '.'), 5) || '.' and e.event_id < 'evt_' || substr(rtrim($1, '.'), 5) || '/')
order by e.id

-- name: trace_reversals
-- The entries that take this one back.
select id from entry where reverses = $1

-- name: trace_stream_entries
-- The entries booked under one stream: a correction may have been caused by another event than the first booking.
select id from entry where stream = $1 order by received_at_ms, id

-- name: trace_journal
-- A journal by our reference or by the ERP's document number.
select j.reference, j.destination, j.policy, j.entity, j.currency, j.accounting_on, j.entries_count, j.created_at, j.renews, j.renewed_as,
    d.id as delivery_id, d.status, d.document, d.attempts_count, d.settled_at
from journal j
join delivery d on d.idempotency_key = coalesce(nullif(j.renewed_as, ''), j.reference) and d.destination = j.destination
where j.reference = $1 or (d.document = $1 and j.renewed_as = '')

-- name: trace_journal_entries
-- The entries inside a journal.
select l.entry_id, e.event_id from journal_entry l join entry e on e.id = l.entry_id
where l.reference = $1 order by l.entry_id limit $2

-- name: trace_journal_lines
-- The lines of a journal as they were sent.
select account, debit_minor, credit_minor, facility, cost_centre, service_line, payer_class from journal_line where reference = $1 order by ordinal

-- name: trace_attempts
-- Every attempt to deliver, in order.
select ordinal, at, outcome, code, explanation, milliseconds from delivery_attempt where delivery_id = $1 order by ordinal

-- name: find_by_control_id
-- Messages by control id: the one whose facts are booked first, then those accepted, the newest of each first.
select m.id from message m where m.control_id = $1
order by exists (
        select from entry e where e.id > 'ent_' || substr(m.id, 5) || '.' and e.id < 'ent_' || substr(m.id, 5) || '/'
    ) desc, (m.status = 'accepted') desc, m.received_at desc, m.id limit 20

-- name: find_by_stream
-- Messages that spoke of one business key; and the releases under which it was asked to decide again.
select distinct message_id from event where stream = $1 limit 100

-- name: trace_work_item
-- One exception, open or resolved, with the journal's reference when it is about a delivery.
select w.id, w.code, w.owner, w.source, w.message_id, w.event_id, w.stream, w.booking_key, w.path, w.explanation, w.remedy,
    w.amount_minor, w.currency, w.opened_at, w.resolved_at, w.resolution, d.idempotency_key as reference
from work_item w left join delivery d on d.id = w.delivery_id where w.id = $1

-- name: read_file_pieces
-- The next sealed pieces of a file, after the one of ordinal $2.
select ordinal, sealed from transmission_chunk where transmission_id = $1 and ordinal > $2 order by ordinal limit $3

-- name: message_of_item
-- The message that an exception is about, if it is about one.
select message_id from work_item where id = $1 and message_id like 'msg\_%'
