import { useState } from 'preact/hooks';
import { Confirm, type Question } from './confirm.js';

/** How something that was asked of the pool stands. */
type Standing = { kind: 'none' } | { kind: 'asked'; words: string } | { kind: 'refused'; words: string };

/** Lets somebody change the pool: asks first, says what is under way, and why it was refused. */
export function useChanges() {
  const [question, setQuestion] = useState<Question>();
  const [standing, setStanding] = useState<Standing>({ kind: 'none' });
  const answered = (isWanted: boolean) => {
    setQuestion(undefined);
    if (!isWanted || !question) return;
    setStanding({ kind: 'asked', words: `${question.yes} …` });
    question.act().then(
      () => setStanding({ kind: 'none' }),
      (error: unknown) => setStanding({ kind: 'refused', words: (error as Error).message }),
    );
  };
  const shown = (
    <>
      <p role="status" class="asked">
        {standing.kind === 'asked' && standing.words}
      </p>
      {standing.kind === 'refused' && <p role="alert">{standing.words}</p>}
      {question && <Confirm question={question} answered={answered} />}
    </>
  );
  return { ask: setQuestion, shown };
}
