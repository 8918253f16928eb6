-- name: lease_partitions
-- Take up to $3 partitions whose lease is free, run out, or ours; each taking raises the epoch, which fences the previous owner.
update partition_lease l
set epoch = l.epoch + (l.owner <> $1 or l.until < now())::integer, owner = $1, until = now() + $2::interval
where l.partition = any(array(
    select partition from partition_lease
    where owner = $1 or until < now()
    order by (owner = $1) desc, partition limit $3 for update skip locked
))
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
-- The next events of our partitions, oldest first in each and beyond those being committed, with the record of their stream.
select n.partition, n.seq, e.id, e.message_id, e.stream, e.source, e.path, e.stamp, e.received_at_ms, e.payload, s.version, s.record
from unnest($1::smallint[], $2::bigint[]) p(partition, after)
cross join lateral (
    select i.partition, i.seq, i.event_id from inbox i where i.partition = p.partition and i.seq > p.after order by i.seq limit $3
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
    select partition, position, event_id, outcome, $4 from unnest($5::placed_row[])
), gone as (
    -- Found one by one, whatever statistics say of a table that fills and empties all day.
    delete from inbox where ctid = any(array(
        select i.ctid from unnest($5::placed_row[]) u
        cross join lateral (select ctid from inbox where partition = u.partition and seq = u.seq limit 1) i
    ))
), remembered as (
    insert into state (stream, version, record) select * from unnest($6::state_row[])
    on conflict (stream) do update set version = excluded.version, record = excluded.record
), booked as (
    insert into entry (id, stream, booking_key, revision, event_id, kind, policy, entity, currency, effective_on, accounting_on,
        received_at_ms, release, reverses, principal_minor)
    select * from unnest($7::entry_row[])
), lines as (
    insert into entry_line (entry_id, ordinal, account, debit_minor, credit_minor, facility, cost_centre, service_line, payer_class,
        rule, path)
    select * from unnest($8::entry_line_row[])
), queued as (
    insert into unbatched (policy, entity, entry_id) select policy, entity, id from unnest($7::entry_row[])
), told as (
    insert into event (id, message_id, stream, partition, type, source, path, stamp, received_at_ms, payload)
    select * from unnest($9::event_row[])
), arrived as (
    insert into inbox (partition, event_id) select partition, id from unnest($9::event_row[])
), opened as (
    insert into work_item (id, group_key, code, owner, source, message_id, event_id, stream, booking_key, path, explanation, remedy,
        amount_minor, resolution, resolved_at)
    select u.*, case when u.resolution <> '' then now() end from unnest($10::work_item_row[]) u
), resolved as (
    update work_item w set resolved_at = now(), resolution = u.resolution
    from unnest($11::text[], $12::text[]) u(id, resolution) where w.id = u.id and w.resolved_at is null
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
