import { systemKernel } from '@relearn/kernel';
import { expect, test } from 'vitest';
import { Trouble } from '../src/core/trouble.js';
import type { Coordinator, Membership } from '../src/kafka/coordinator.js';
import { GroupMember } from '../src/kafka/group-member.js';
import { groupDefaults } from '../src/kafka/options.js';

const { clock } = systemKernel;

/** What the broker says to a member whose group has changed between its join and its sync. */
const rebalancing = Object.assign(new Error('The group is rebalancing'), { type: 'REBALANCE_IN_PROGRESS' });

/** A coordinator that answers joins with these, one after the other. */
function coordinatorThat(...answers: readonly (Error | Membership)[]): Coordinator {
  const left = [...answers];
  const nothing = async () => undefined;
  const join = async () => {
    const answer = left.shift() ?? new Error('one join too many');
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { join, beat: nothing, leave: nothing, hangUp: nothing } as unknown as Coordinator;
}

test('a member joins again when others come while it joins for the first time', async () => {
  const told: string[] = [];
  const joined = coordinatorThat(rebalancing, { memberId: 'm', generation: 2, partitions: [] });
  const options = { group: 'crew', topics: ['flights'], onAssigned: () => undefined, onRevoked: async () => undefined };
  const member = new GroupMember(options, {
    coordinator: joined,
    settings: groupDefaults,
    kernel: systemKernel,
    trouble: new Trouble(clock, (error) => told.push(error.message)),
    openReader: () => {
      throw new Error('nothing was given to it');
    },
    here: async () => undefined,
  });
  await member.start();
  await member.close();
  expect(told).toEqual([]);
});
