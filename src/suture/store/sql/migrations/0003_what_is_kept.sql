-- What came in, what it was worth, what people were asked and what was sent is never deleted: the proof counts it.
-- Rows of these tables may change (a message that is reprocessed, an exception that is resolved); none may go.

create function never_deleted() returns trigger language plpgsql as $$
begin
    raise exception '% is kept: nothing of it is deleted', tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;
create trigger never_deleted before delete or truncate on message for each statement execute function never_deleted();
create trigger never_deleted before delete or truncate on message_repeat for each statement execute function never_deleted();
create trigger never_deleted before delete or truncate on transmission for each statement execute function never_deleted();
create trigger never_deleted before delete or truncate on work_item for each statement execute function never_deleted();
create trigger never_deleted before delete or truncate on journal for each statement execute function never_deleted();
create trigger never_deleted before delete or truncate on journal_line for each statement execute function never_deleted();
create trigger never_deleted before delete or truncate on journal_entry for each statement execute function never_deleted();
create trigger never_deleted before delete or truncate on delivery for each statement execute function never_deleted();
create trigger never_deleted before delete or truncate on delivery_attempt for each statement execute function never_deleted();
