import { expect, test } from 'vitest';
import { clientFinal, clientFirst, isProven } from '../../src/gate/scram.js';

/** RFC 7677, section 3. */
const RFC = {
  username: 'user',
  password: 'pencil',
  nonce: 'rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

test("the RFC's own exchange", async () => {
  expect(clientFirst(RFC.username, RFC.nonce)).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  const { message, signature } = await clientFinal('sha256', RFC, RFC.serverFirst);
  expect(message).toBe(RFC.clientFinal);
  expect(isProven(signature, RFC.serverFinal)).toBe(true);
});

test('a server that does not know the password is found out', async () => {
  const { signature } = await clientFinal('sha256', { ...RFC, password: 'pen' }, RFC.serverFirst);
  expect(isProven(signature, RFC.serverFinal)).toBe(false);
  for (const message of ['', 'v=', 'e=other-error', 'v=AAAA']) expect(isProven(signature, message)).toBe(false);
});

test('what a name may not hold is escaped', () => {
  expect(clientFirst('a=b,c', 'n')).toBe('n,,n=a=3Db=2Cc,r=n');
});

const challenge = (text: string) => RFC.serverFirst.replace(/i=4096/, text);

test.each([
  ['another nonce', RFC.serverFirst.replace('r=rOpr', 'r=xxxx'), 'not for us'],
  ['our nonce alone', 'r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096', 'not for us'],
  ['fewer iterations than are safe', challenge('i=1'), 'it asks for 1 iterations'],
  ['more iterations than are decent', challenge('i=999999999'), 'it asks for 999999999 iterations'],
  ['no number of iterations', challenge('i=many'), 'none of SCRAM'],
  ['an extension that must be understood', `m=x,${RFC.serverFirst}`, 'none of SCRAM'],
  ['nothing', '', 'none of SCRAM'],
])('a challenge with %s is not answered', async (_, serverFirst, why) => {
  await expect(clientFinal('sha256', RFC, serverFirst)).rejects.toThrow(why);
});
