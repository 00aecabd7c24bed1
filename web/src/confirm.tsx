import { useEffect, useRef } from 'preact/hooks';

/** What is about to be done, and what that means. */
export interface Question {
  title: string;
  text: string;
  /** On the button that does it. */
  yes: string;
  act: () => Promise<unknown>;
}

interface ConfirmProps {
  question: Question;
  /** Told which one was chosen. */
  answered: (isWanted: boolean) => void;
}

/** Asks before something is done that others feel. The browser keeps the keyboard in it, and takes Escape for a no. */
export function Confirm({ question: { title, text, yes }, answered }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby="question"
      aria-describedby="meaning"
      onClose={() => answered(false)}
    >
      <h2 id="question">{title}</h2>
      <p id="meaning">{text}</p>
      <div class="bar">
        <button onClick={() => answered(false)}>No</button>
        <button class="main" onClick={() => answered(true)}>
          {yes}
        </button>
      </div>
    </dialog>
  );
}
