-- name: lease_partitions
-- Take up to $3 partitions whose lease is free, run out, or ours; each taking raises the epoch, which fences the previous owner.
update partition_lease l
set epoch = l.epoch + (l.owner <> $1 or l.until < now())::integer, owner = $1, until = now() + $2::interval
from (
    select partition from partition_lease
    where owner = $1 or until < now()
    order by (owner = $1) desc, partition limit $3 for update skip locked
) free
where l.partition = free.partition
returning l.partition, l.epoch, l.position

-- name: release_other_partitions
-- Give back what we hold beyond our share, so that a worker that has just come finds its own.
update partition_lease set owner = '', until = '-infinity' where owner = $1 and partition <> all($2::smallint[])

-- name: release_partitions
-- Give our partitions back at once, so that another worker need not wait for the lease to run out.
update partition_lease set owner = '', until = '-infinity' where owner = $1

-- name: make_partitions
-- Make the lease rows, once.
insert into partition_lease (partition) select generate_series(0, $1::integer - 1) on conflict do nothing

-- name: read_inbox
-- The next events of our partitions, oldest first in each, with the record of their stream.
select n.partition, n.seq, e.id, e.message_id, e.stream, e.source, e.path, e.stamp, e.received_at_ms, e.payload, s.version, s.record
from unnest($1::smallint[]) p(partition)
cross join lateral (
    select i.partition, i.seq, i.event_id from inbox i where i.partition = p.partition order by i.seq limit $2
) n
join event e on e.id = n.event_id
left join state s on s.stream = e.stream
order by n.seq

-- name: commit_step
-- Commit all that a batch of events led to, in one statement, if every lease is still ours (suture_fence raises otherwise).
-- The statement itself asks the fence, so that it is asked whatever there is to write, and before anything is written: the parts
-- below run after it. (A join that finds no row never asks, and a zombie's inbox is empty.)
with fenced as materialized (
    select suture_fence($1::smallint[], $2::bigint[], $3::bigint[]) as ours
), placed as (
    insert into log (partition, position, event_id, outcome, release)
    select u.*, $10 from unnest($6::smallint[], $7::bigint[], $8::text[], $9::text[]) u
), gone as (
    delete from inbox i using unnest($4::smallint[], $5::bigint[]) u(partition, seq)
    where i.partition = u.partition and i.seq = u.seq
), remembered as (
    insert into state (stream, version, record) select * from unnest($11::text[], $12::integer[], $13::bytea[])
    on conflict (stream) do update set version = excluded.version, record = excluded.record
), booked as (
    insert into entry (id, stream, booking_key, revision, event_id, kind, policy, entity, currency, effective_on, accounting_on,
        received_at_ms, release, reverses, principal_minor)
    select * from unnest($14::text[], $15::text[], $16::text[], $17::integer[], $18::text[], $19::text[], $20::text[], $21::text[],
        $22::text[], $23::date[], $24::date[], $25::bigint[], $26::text[], $27::text[], $65::bigint[])
), lines as (
    insert into entry_line (entry_id, ordinal, account, debit_minor, credit_minor, facility, cost_centre, service_line, payer_class,
        rule, path)
    select * from unnest($28::text[], $29::smallint[], $30::text[], $31::bigint[], $32::bigint[], $33::text[], $34::text[], $35::text[],
        $36::text[], $37::text[], $38::text[])
), queued as (
    insert into unbatched (policy, entity, entry_id) select * from unnest($20::text[], $21::text[], $14::text[])
), told as (
    insert into event (id, message_id, stream, partition, type, source, path, stamp, received_at_ms, payload)
    select * from unnest($39::text[], $40::text[], $41::text[], $42::smallint[], $43::text[], $44::text[], $45::text[], $46::text[],
        $47::bigint[], $48::bytea[])
), arrived as (
    insert into inbox (partition, event_id) select * from unnest($42::smallint[], $39::text[])
), opened as (
    insert into work_item (id, group_key, code, owner, source, event_id, message_id, stream, booking_key, path, explanation, remedy,
        amount_minor, resolution, resolved_at)
    select u.*, case when u.resolution <> '' then now() end
    from unnest($49::text[], $50::text[], $51::text[], $52::text[], $53::text[], $54::text[], $55::text[], $56::text[],
        $57::text[], $58::text[], $59::text[], $60::text[], $61::bigint[], $62::text[])
        u(id, group_key, code, owner, source, event_id, message_id, stream, booking_key, path, explanation, remedy, amount_minor,
        resolution)
), resolved as (
    update work_item w set resolved_at = now(), resolution = u.resolution
    from unnest($63::text[], $64::text[]) u(id, resolution) where w.id = u.id and w.resolved_at is null
)
select ours from fenced

-- name: waiting_streams
-- Streams that have parked work: they are asked again when a release comes into force.
select distinct stream from work_item where resolved_at is null and stream <> ''

-- name: read_entries
-- Whole entries by id, line by line, for reversal and for summarising.
select e.id, e.stream, e.booking_key, e.revision, e.event_id, e.kind, e.policy, e.entity, e.currency, e.effective_on,
    e.accounting_on, e.received_at_ms, e.release, e.reverses, e.principal_minor,
    l.account, l.debit_minor, l.credit_minor, l.facility, l.cost_centre, l.service_line, l.payer_class, l.rule, l.path
from entry e join entry_line l on l.entry_id = e.id
where e.id = any($1::text[])
order by e.id, l.ordinal
