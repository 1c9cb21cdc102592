/** Exact text of a compiled module, and what stands there instead. */
export interface Replacement {
  /** End of the module's path. */
  readonly module: string;
  readonly from: string;
  readonly to: string;
}

export interface PlantedBug {
  readonly name: string;
  readonly replacements: readonly Replacement[];
}

/** The module's source with the bug in it. Throws where the text to be replaced is not there exactly once. */
export function planted(source: string, module: string, { name, replacements }: PlantedBug): string {
  let text = source;
  for (const { from, to } of replacements.filter((one) => one.module === module)) {
    if (text.split(from).length !== 2)
      throw new Error(`'${name}' cannot be planted: ${module} does not hold once: ${from}`);
    text = text.replace(from, () => to);
  }
  return text;
}

const host = 'libs/runtime/dist/decider/host.js';
const followPromotions = 'services/serving/dist/handlers/follow-promotions.js';
const shardState = 'services/monitoring/dist/domain/shard-state.js';
const shardLoop = 'libs/runtime/dist/fold/shard-loop.js';

const one = (name: string, module: string, from: string, to: string): PlantedBug => ({
  name,
  replacements: [{ module, from, to }],
});

/** Bugs of the kind that the promises forbid, none of which is in the product: the simulation must find each. */
export const plantedBugs: readonly PlantedBug[] = [
  one(
    'skip the dedup in validation',
    'services/validation/dist/domain/pipeline-shard.js',
    "return this.ids.add(id) ? 'valid' : 'duplicates';",
    "this.ids.add(id); return 'valid';",
  ),
  one(
    'forget the ids that validation has seen when it starts again',
    'services/validation/dist/handlers/validate.js',
    'parts.set(`${name}/ids/${start}`, bytes);',
    'void bytes, start;',
  ),
  one(
    'answer a producer before the bus has it',
    'services/ingestion/dist/handlers/raw-writer.js',
    'await bus.publish(outgoing);',
    'void bus.publish(outgoing).catch(() => undefined);',
  ),
  {
    name: 'checkpoint before the effect: publish what is covered already',
    replacements: [
      {
        module: shardLoop,
        from: `        await this.publish(fold, emissions);
    }
    /**`,
        to: `        this.unpublished = [...(this.unpublished ?? []), ...emissions];
    }
    /**`,
      },
      {
        module: shardLoop,
        from: 'await this.retrying(() => this.checkpoint.swap({ ...checkpoint, saved: next }));',
        to: 'await this.retrying(() => this.checkpoint.swap({ ...checkpoint, saved: next })); await this.publish(fold, (this.unpublished ?? []).splice(0));',
      },
    ],
  },
  one(
    'forget the fence: write the checkpoint whoever has the shard',
    'libs/runtime/dist/fold/checkpoint.js',
    'this.version = (await this.store.replace(checkpointCollection, this.id, this.version, encode(value))).version;',
    'this.version = (await this.store.put(checkpointCollection, this.id, encode(value))).version;',
  ),
  one(
    'name parts in a checkpoint before they are written',
    shardLoop,
    `fold.save();
        await this.retrying(() => fold.parts.flush());`,
    'fold.save();',
  ),
  one(
    'remove old parts before the checkpoint that no longer names them',
    shardLoop,
    'const { checkpoint, stale } = fold.save();',
    'const { checkpoint, stale } = fold.save(); await fold.parts.discard(stale);',
  ),
  one(
    'score rows by new models before the checkpoint says so',
    shardLoop,
    "await this.writeCheckpoint(fold, 'prepared');",
    '',
  ),
  one(
    'change models for rows that may have been scored before',
    shardLoop,
    'if (record.position < (this.publishedBelow.get(record.topic) ?? 0))',
    'if (false)',
  ),
  one('resume where the group had committed, not at the checkpoint', shardLoop, 'reader.seek(position);', ''),
  one('let go of a shard whose checkpoint was taken', shardLoop, '!(await this.isOurs())', "error.code === 'FENCED'"),
  one(
    'skip the sequence rule in folds',
    'libs/runtime/dist/fold/shard-fold.js',
    `        if (verdict.kind === 'skip')
            return null;`,
    `        if (verdict.kind === 'skip')
            return 0;`,
  ),
  one(
    'publish the outbox before the write',
    host,
    'const written = await this.write(id, held, next);',
    'if (next.outbox.length > 0) await this.ports.bus.publish(outboxRecords(next)); const written = await this.write(id, held, next);',
  ),
  {
    name: 'clear the outbox before it is published',
    replacements: [
      {
        module: host,
        from: 'await this.retrying(() => this.ports.bus.publish(outboxRecords(held.document)));',
        to: 'const cleared = await this.write(id, held, { ...held.document, outbox: [] }); await this.retrying(() => this.ports.bus.publish(outboxRecords(held.document)));',
      },
      {
        module: host,
        from: `        const cleared = await this.write(id, held, { ...held.document, outbox: [] });
        return`,
        to: '        return',
      },
    ],
  },
  one(
    'handle an event again that the aggregate has applied',
    host,
    'if (applied !== undefined && event.sequence <= applied)',
    'if (false)',
  ),
  one(
    'commit control events before they are handled',
    'libs/runtime/dist/decider/runner.js',
    `            this.inHand += 1;
            await`,
    `            this.inHand += 1;
            if (records.length > 0) await this.holding(() => reader.commit((records.at(-1)?.position ?? 0) + 1));
            await`,
  ),
  one(
    'take a write whose answer was lost for another one: decide again',
    host,
    'return canonicalJson(found.document) === canonicalJson(document) ? found : null;',
    'return null;',
  ),
  one(
    'take a lease without waiting for its end',
    'libs/runtime/dist/decider/lease.js',
    'clock.now() - seen.since >= durationMs',
    'true',
  ),
  one(
    "take a job's result whoever has taken it before",
    host,
    'const job = this.due(document).jobs.find((pending) => pending.id === id);',
    'const job = (this.given ??= new Map()).get(id) ?? this.due(document).jobs.find((pending) => pending.id === id); if (job !== undefined) this.given.set(id, job);',
  ),
  {
    name: 'leave an outbox alone that a dead process left',
    replacements: [
      {
        module: host,
        from: 'document.outbox.length > 0 || (document.partition === partition',
        to: '(document.partition === partition',
      },
      {
        module: host,
        from: '(document.outbox.length > 0 || this.isWaiting(document))',
        to: 'this.isWaiting(document)',
      },
    ],
  },
  {
    name: 'go on with a document held from an earlier time',
    replacements: [
      {
        module: host,
        from: 'return this.change(id, change, () => this.held.delete(id));',
        to: 'return this.change(id, change);',
      },
    ],
  },
  one(
    'drop a label that comes before its prediction',
    shardState,
    'this.early.set(id, { value, time: record.time, watermark });',
    '',
  ),
  {
    name: 'tell a window again after a restart, as another one',
    replacements: [
      {
        module: shardState,
        from: 'this.nextOutcomes = saved?.nextOutcomes ?? null;',
        to: 'this.nextOutcomes = saved?.nextOutcomes == null ? null : saved.nextOutcomes - this.width;',
      },
      {
        module: 'services/monitoring/dist/handlers/profile-windows.js',
        from: 'sequence: Math.floor(profiled.end / 1000),',
        to: 'sequence: Math.floor(profiled.end / 1000) + event.position,',
      },
    ],
  },
  one(
    "take the end of another request's turn for one's own",
    'services/monitoring/dist/domain/evolve.js',
    'state.open.filter((other) => other !== request)',
    '[]',
  ),
  one(
    'promote on evidence for another version of the pipeline',
    'services/registry/dist/domain/alias.js',
    'if (version !== state.version)',
    'if (false)',
  ),
  one('load a promoted model once or never', followPromotions, 'else if (whole)', 'else if (whole || attempt > 0)'),
  one(
    'miss a promotion that comes while models are looked at',
    followPromotions,
    'changed.get(name)?.abort();',
    'void changed;',
  ),
  one(
    'end no turn at its deadline',
    'libs/runtime/dist/decider/timers.js',
    'if (!this.running.has(key))',
    'if (this.stopped)',
  ),
  one(
    'end no turn at its deadline once its process has died',
    host,
    'return jobs.length + timers.length > 0;',
    'return jobs.length > 0;',
  ),
];
